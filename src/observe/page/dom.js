// Elements without HTML: whatever comes from outside gets into the page as text, and only so.

export const by_id = (id) => document.getElementById(id);

/** An element with attributes (functions become listeners) and children (nodes, or texts). */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return made;
}

// Controls, and letters that change the direction or the look of what is around them: an ANSI
// escape, a right-to-left override; and letters that take no ink, as tags and fillers, in which more
// can be said than is seen. They are named instead of obeyed. (The joiners that emoji and some
// scripts need stay.)
const unseen =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/gu;
const named_letters_max = 2_000;  // An element each: a text of nothing else would hold the tab up.

const is_line_break = (letter, at, text) => letter === '\r' && text[at + 1] === '\n';

/** The text as nodes, with each letter that would not be seen shown by its name, as U+202E; those
 *  behind the first 2,000 of them as one that is seen, the replacement character. */
export function visible(text) {
  const nodes = document.createDocumentFragment();
  let from = 0;
  let named = 0;
  for (const found of text.matchAll(unseen)) {
    // A line break of Windows is nothing to point at.
    if (is_line_break(found[0], found.index, text)) continue;
    if (++named > named_letters_max) {
      nodes.append(text.slice(from).replace(unseen, (letter, at, all) => (is_line_break(letter, at, all) ? letter : '\ufffd')));
      return nodes;
    }
    if (found.index > from) nodes.append(text.slice(from, found.index));
    const code = found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, '0');
    nodes.append(element('span', { class: 'unseen-letter' }, `U+${code}`));
    from = found.index + found[0].length;
  }
  if (from < text.length) nodes.append(text.slice(from));
  return nodes;
}

/** Sets the text if it is another one: what does not change is not painted again. */
export function set_text(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
