// One entry, in a drawer: what became of it, what it is, its body and headers as text.

import { get } from './api.js';
import { actions, confirm_one } from './actions.js';
import { by_id, element, visible } from './dom.js';
import { bytes, counted, moment } from './format.js';
import { bytes_of_base64, hex_dump, pretty_json } from './json_text.js';
import { hash_with, show, shown } from './url.js';

const shown_letters_max = 200_000;
const hex_bytes_max = 16_384;
let current = '';

const link_to = (id) => element('a', { class: 'mono', href: hash_with({ entry: id }) }, id);

function facts(entry) {
  const rows = [
    ['Id', element('span', { class: 'mono' }, entry.id)],
    ['Sequence', String(entry.seq)],
    ['Key', entry.dedupe_key ? element('span', { class: 'mono' }, visible(entry.dedupe_key)) : 'none'],
    ['Received', element('time', { title: entry.received_at }, moment(entry.received_at))],
    ['Settled', entry.settled_at ? element('time', { title: entry.settled_at }, moment(entry.settled_at)) : null],
    ['Request', [visible(`${entry.method} ${entry.target}`)]],
    ['From', visible(entry.remote_address)],
    ['Content type', entry.content_type ? visible(entry.content_type) : null],
    ['Trace', entry.traceparent ? element('span', { class: 'mono' }, visible(entry.traceparent)) : null],
    ['Constraint', entry.constraint ? element('span', { class: 'mono' }, visible(entry.constraint)) : null],
    ['Body', `${bytes(entry.body_bytes)}, sha256`, element('span', { class: 'mono hash' }, entry.body_sha256)],
    ['Duplicate of', entry.duplicate_of ? link_to(entry.duplicate_of) : null],
    ['Conflicts with', entry.conflicts_with ? link_to(entry.conflicts_with) : null],
    ['Replay of', entry.replay_of ? link_to(entry.replay_of) : null],
  ];
  return element('dl', { class: 'facts' }, rows.filter(([, value]) => value !== null && value !== undefined)
    .map(([name, ...value]) => [element('dt', {}, name), element('dd', {}, ...value.flat().flatMap((part) => [part, ' ']))]));
}

function verdict(entry) {
  const tries = entry.attempts.length > 0 ? ` It was tried ${counted(entry.attempts.length, 'time', 'times')}.` : '';
  if (entry.state === 'dead') {
    const what = entry.reason === 'damaged' ? 'The disk gave back other bytes than were accepted.'
      : [entry.sqlstate, entry.error ?? entry.reason].filter(Boolean).join(': ');
    return ['bad', `${what.replace(/\.?$/, '.')}${tries} It is kept until you decide.`];
  }
  if (entry.held) return ['warn', 'Its source is not configured: it waits until it is again.'];
  if (entry.state === 'pending') return ['calm', `It waits for delivery.${tries}`];
  if (entry.state === 'delivered')
    return ['good', entry.duplicate_of ? 'Postgres held its key already; nothing was written twice.' : 'Postgres has committed it.'];
  return ['calm', `It is not delivered${entry.reason ? ` (${entry.reason})` : ''}; its payload is ${entry.payload_kept ? 'kept for a while' : 'gone'}.`];
}

function attempts(entry) {
  if (entry.attempts.length === 0) return [];
  const row = (attempt) => element('tr', {},
    element('td', {}, element('time', { title: attempt.at }, moment(attempt.at))),
    element('td', {}, element('code', {}, visible(attempt.sqlstate ?? ''))),
    element('td', {}, visible(attempt.class ?? '')),
    element('td', { class: 'wide' }, visible(attempt.error ?? '')));
  return [element('h3', {}, 'Attempts'),
          element('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': 'Attempts' },
            element('table', { class: 'small' },
              element('thead', {}, element('tr', {}, ['When', 'SQLSTATE', 'Class', 'Error'].map((name) => element('th', { scope: 'col' }, name)))),
              element('tbody', {}, entry.attempts.map(row))))];
}

function headers(entry) {
  if (!entry.headers) return [];
  return [element('h3', {}, 'Headers'),
          element('dl', { class: 'facts mono', id: 'headers' }, entry.headers.map(([name, value]) =>
            [element('dt', {}, visible(name)), element('dd', {}, visible(value))]))];
}

function download(entry, raw) {
  // A blob of bytes: the browser saves it, and never looks at what it is.
  const url = URL.createObjectURL(new Blob([raw], { type: 'application/octet-stream' }));
  element('a', { href: url, download: `${entry.id}.body` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function body(entry) {
  if (entry.body_base64 === null || entry.body_base64 === undefined)
    return [element('h3', {}, 'Body'), element('p', { class: 'note' }, 'The payload is no longer kept; its sha256 is.')];
  const raw = bytes_of_base64(entry.body_base64);
  const text = entry.body_text;
  const json = text === undefined ? null : pretty_json(text, shown_letters_max);
  const views = { ...(json === null ? {} : { 'JSON': () => json }), ...(text === undefined ? {} : { Text: () => text }),
                  Hex: () => hex_dump(raw.subarray(0, hex_bytes_max)), Base64: () => entry.body_base64 };
  const pre = element('pre', { id: 'body', tabindex: '0' });
  const cut = element('p', { class: 'note', hidden: true });
  const choose = (name) => {
    const whole = views[name]();
    pre.replaceChildren(whole === '' ? element('span', { class: 'note' }, 'empty') : visible(whole.slice(0, shown_letters_max)));
    cut.hidden = !(whole.length > shown_letters_max || (name === 'Hex' && raw.length > hex_bytes_max));
    cut.textContent = `Only its beginning is shown; the download has all ${bytes(raw.length)}.`;
  };
  const first = Object.keys(views)[0];
  const tabs = element('fieldset', { class: 'states' }, element('legend', { class: 'unseen' }, 'Show the body as'),
    Object.keys(views).map((name) => element('label', {},
      element('input', { type: 'radio', name: 'body-view', value: name, checked: name === first, change: () => choose(name) }), element('span', {}, name))));
  choose(first);
  return [element('div', { class: 'head' }, element('h3', {}, 'Body'), tabs,
            element('button', { type: 'button', id: 'download', click: () => download(entry, raw) }, 'Download')),
          entry.payload_damaged ? element('p', { class: 'problem' }, 'This is not what was accepted: the bytes are damaged.') : null,
          pre, cut].filter(Boolean);
}

function buttons(entry, after) {
  return element('div', { class: 'actions', id: 'entry-actions' }, Object.entries(actions)
    .filter(([name, action]) => action.states.includes(entry.state) && (name === 'discard' || entry.payload_kept))
    .map(([name, action]) => element('button', { type: 'button', 'data-action': name, class: action.danger ? 'danger' : '',
      click: () => confirm_one(name, entry, after) }, `${action.verb}…`)));
}

function frame(...children) {
  const dialog = by_id('entry');
  dialog.replaceChildren(element('div', { class: 'head' }, element('h2', { id: 'entry-title' }, 'Entry'),
    element('button', { type: 'button', class: 'quiet', id: 'close-entry', click: () => dialog.close() }, 'Close')),
    ...children);
}

// What had the focus was made anew: it stays in the drawer.
function keep_focus() {
  if (by_id('entry').open && document.activeElement === document.body) by_id('close-entry').focus();
}

async function fill(id, after_change) {
  let entry;
  try {
    entry = await get(`entries/${encodeURIComponent(id)}`);
  } catch (error) {
    if (current !== id) return;
    const text = error.status === 404 ? 'There is no entry with this id; perhaps it was removed in the meantime.' : error.message;
    frame(element('p', { class: 'problem', role: 'alert' }, visible(text)),
          element('button', { type: 'button', click: () => fill(id, after_change) }, 'Try again'));
    return;
  }
  if (current !== id) return;
  const after = (new_id) => {
    after_change();
    if (new_id && new_id !== id) show({ entry: new_id });
    else fill(id, after_change);
  };
  const [tone, text] = verdict(entry);
  const at = by_id('entry').scrollTop;
  frame(element('p', { class: 'title' }, element('span', { class: `mark ${entry.state}` }, entry.state), ' ', visible(entry.source)),
        element('p', { class: `verdict ${tone}` }, visible(text)),
        buttons(entry, after), facts(entry), ...attempts(entry), ...body(entry), ...headers(entry));
  by_id('entry').scrollTop = at;
  keep_focus();
}

/** Opens, changes or closes the drawer as the URL says. */
export function shown_changed(values, after_change) {
  const dialog = by_id('entry');
  if (values.entry === current) return;
  current = values.entry;
  if (!current) {
    dialog.close();
    return;
  }
  frame(element('p', { class: 'note' }, 'Reading…'));
  dialog.scrollTop = 0;
  if (!dialog.open) dialog.showModal();
  fill(current, after_change);
}

export function start() {
  const dialog = by_id('entry');
  by_id('ask').addEventListener('close', keep_focus);
  dialog.addEventListener('close', () => {
    if (current && shown().entry) show({ entry: '' });
  });
  // A click beside the drawer closes it.
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
}
