// JSON with line breaks and indents, every token as it was sent: JSON.parse would round long numbers
// and drop the first of two equal names, and the operator looks at this to find just such things.

const letters_max = 2_000_000;  // Longer ones are shown as they came.

/** The text indented, or null if it is not JSON. It ends soon after `made_letters_max`: brackets
 *  within brackets ask for an indent that grows with the square of their number. */
export function pretty_json(text, made_letters_max = Infinity) {
  if (text.length > letters_max) return null;
  try { JSON.parse(text); } catch { return null; }
  const made = [];
  let letters = 0;
  let depth = 0;
  let before = '';
  const line = () => `\n${'  '.repeat(depth)}`;
  const add = (part) => {
    made.push(part);
    letters += part.length;
  };
  // What is valid falls into strings, signs, and runs of other letters; white space between goes.
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gs)) {
    if (letters > made_letters_max) break;
    const after_opening = before === '{' || before === '[';
    if (token === '}' || token === ']') {
      --depth;
      add(after_opening ? token : line() + token);
    } else {
      if (after_opening || before === ',') add(line());
      add(token === ':' ? ': ' : token);
      if (token === '{' || token === '[') ++depth;
    }
    before = token;
  }
  return made.join('');
}

/** Bytes as lines of offset, hex and what of it is ASCII. */
export function hex_dump(bytes) {
  const lines = [];
  for (let from = 0; from < bytes.length; from += 16) {
    const part = [...bytes.subarray(from, from + 16)];
    const hex = part.map((byte) => byte.toString(16).padStart(2, '0'));
    const ascii = part.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.'));
    lines.push(`${from.toString(16).padStart(6, '0')}  ${hex.slice(0, 8).join(' ').padEnd(24)} ` +
               `${hex.slice(8).join(' ').padEnd(24)} ${ascii.join('')}`);
  }
  return lines.join('\n');
}

export const bytes_of_base64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
