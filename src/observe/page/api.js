// The admin API: one way to call it, and the stream of the status. The token is asked for once,
// when an answer is 401, and is kept in this tab alone.

const token_key = 'holdfast-token';
const read_limit_ms = 10_000;
const change_limit_ms = 90_000;  // A discard waits for the outcome of what is being delivered.

export class ApiError extends Error {
  constructor(status, detail, field) {
    super(detail);
    this.status = status;
    this.field = field;
  }
}

let ask_for_token = async () => { throw new ApiError(401, 'This path needs a token.'); };
let asking = null;

/** `ask(refused)` resolves to what the operator typed. */
export function on_token_needed(ask) { ask_for_token = ask; }
export const has_token = () => sessionStorage.getItem(token_key) !== null;
export function forget_token() {
  sessionStorage.removeItem(token_key);
  location.reload();
}

// Several requests may learn at once that a token is needed: they share one question.
function new_token(refused) {
  asking ??= ask_for_token(refused)
    .then((token) => sessionStorage.setItem(token_key, token))
    .finally(() => { asking = null; });
  return asking;
}

// A header carries bytes: a token with other letters goes as its UTF-8.
const header_bytes = (text) => String.fromCharCode(...new TextEncoder().encode(text));

async function send(method, path, limit_ms, signal) {
  for (;;) {
    const token = sessionStorage.getItem(token_key);
    const headers = { Accept: 'application/json, text/event-stream' };
    if (token !== null) headers.Authorization = `Bearer ${header_bytes(token)}`;
    if (method !== 'GET') headers['Content-Type'] = 'application/json';
    const signals = [signal, limit_ms ? AbortSignal.timeout(limit_ms) : null].filter(Boolean);
    const response = await fetch(`api/v1/${path}`, {
      method, headers, cache: 'no-store', signal: AbortSignal.any(signals),
    });
    if (response.status !== 401) return response;
    if (sessionStorage.getItem(token_key) === token) await new_token(token !== null);
  }
}

async function problem_of(response) {
  let told = {};
  try { told = await response.json(); } catch { /* Not from Holdfast: a proxy's page, say. */ }
  return new ApiError(response.status, told.detail ?? `The answer was ${response.status}.`,
                      told.field);
}

async function call(method, path, query, limit_ms, signal) {
  const text = new URLSearchParams(query ?? {}).toString();
  let response;
  try {
    response = await send(method, text ? `${path}?${text}` : path, limit_ms, signal);
  } catch (error) {
    if (error instanceof ApiError || signal?.aborted) throw error;
    throw new ApiError(0, error.name === 'TimeoutError' ? 'The daemon did not answer in time.'
                                                        : 'The daemon does not answer.');
  }
  if (!response.ok) throw await problem_of(response);
  return response.json();
}

export const get = (path, query, signal) => call('GET', path, query, read_limit_ms, signal);
export const post = (path, query) => call('POST', path, query, change_limit_ms);

// ---- the stream ---------------------------------------------------------------------------------

const silence_limit_ms = 6_000;  // An event comes each second.
const poll_ms = 2_000;
const polls_before_stream = 15;

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

const until_seen = () => new Promise((resolve) => {
  if (!document.hidden) { resolve(); return; }
  document.addEventListener('visibilitychange', resolve, { once: true });
});

/** Calls `on_event(name, data)` for each event of the text; returns what is left of it. */
export function take_events(text, on_event) {
  const parts = text.replaceAll('\r\n', '\n').split('\n\n');
  const rest = parts.pop();
  for (const part of parts) {
    let name = 'message';
    const data = [];
    for (const line of part.split('\n')) {
      const [, field, value] = /^([a-z]+): ?(.*)$/s.exec(line) ?? [];
      if (field === 'event') name = value;
      if (field === 'data') data.push(value);
    }
    if (data.length > 0) on_event(name, data.join('\n'));
  }
  return rest;
}

async function read_stream(told) {
  const stop = new AbortController();
  let watchdog;
  const feed = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => stop.abort(), silence_limit_ms);
  };
  // A browser opens six connections to a host: a tab that nobody looks at must not hold one.
  const hide = () => { if (document.hidden) stop.abort(); };
  document.addEventListener('visibilitychange', hide);
  try {
    const response = await send('GET', 'stream', 0, stop.signal);
    if (!response.ok) return response.status;
    feed();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return 0;
      feed();
      text = take_events(text + value, (name, data) => {
        if (name === 'status') told.status(JSON.parse(data), 'stream');
      });
    }
  } finally {
    clearTimeout(watchdog);
    document.removeEventListener('visibilitychange', hide);
  }
}

async function poll(told) {
  for (let left = polls_before_stream; left > 0 && !document.hidden; --left) {
    told.status(await get('status'), 'poll');
    await pause(poll_ms);
  }
}

/** Follows the status for ever: by the stream, and by asking every 2 s where there is none.
 *  `told.status(document, mode)`; `told.silent()` each time the daemon could not be reached. */
export async function follow(told) {
  let wait_ms = 500;
  const once = { ...told, status: (status, mode) => { wait_ms = 500; told.status(status, mode); } };
  for (;;) {
    await until_seen();
    try {
      const status = await read_stream(once);
      if (status === 404 || status === 503) await poll(once);
      else if (status !== 0) told.silent();
    } catch {
      if (!document.hidden) told.silent();
    }
    await pause(wait_ms);
    wait_ms = Math.min(wait_ms * 2, 8_000);
  }
}
