// The list: one page of it at a time, with filters that live in the URL.

import { get } from './api.js';
import { confirm_all } from './actions.js';
import { by_id, element, set_text, visible } from './dom.js';
import { bytes, count, from_local_input, moment, to_local_input, zone } from './format.js';
import { filter_names, filters_of, hash_with, show, shown, trail } from './url.js';

const page_entries = 50;
const refresh_ms = 2_000;
export const seen_sources = new Set();
const rows = new Map();  // id -> {row, text}: rows that stay are kept, and with them the focus.
let reading = null;
let next_cursor = null;
let counts = '';
let stale = false;
let loaded_at = 0;

function error_cell(entry) {
  const parts = [];
  if (entry.sqlstate) parts.push(element('code', {}, visible(entry.sqlstate)), ' ');
  if (entry.held) parts.push('held: no such source');
  else if (entry.error) parts.push(visible(entry.error));
  else if (entry.reason) parts.push(visible(entry.reason));
  else if (entry.duplicate_of) parts.push('duplicate');
  return parts;
}

function make_row(entry) {
  const cell = (name, ...children) => element('td', { class: name, role: 'cell' }, ...children);
  const row = element('tr', { role: 'row', 'data-id': entry.id, 'data-state': entry.state },
    cell('at', element('a', { href: '#', title: entry.received_at }, moment(entry.received_at))),
    cell('state', element('span', { class: `mark ${entry.state}` }, entry.state)),
    cell('source', visible(entry.source)),
    cell('key', visible(entry.dedupe_key ?? '')),
    cell('error', ...error_cell(entry)),
    cell('number', bytes(entry.body_bytes)));
  row.addEventListener('click', (event) => {
    // A selection of text, or a link opened elsewhere, is no click on the row.
    if (event.ctrlKey || event.metaKey || event.shiftKey || String(getSelection())) return;
    event.preventDefault();
    show({ entry: entry.id });
  });
  return row;
}

function paint(entries) {
  const body = by_id('entries').tBodies[0];
  const kept = new Set();
  entries.forEach((entry, index) => {
    const text = JSON.stringify(entry) + new Date().toDateString();
    let known = rows.get(entry.id);
    if (known?.text !== text) {
      const focused = known?.row.contains(document.activeElement);
      const row = make_row(entry);
      known?.row.replaceWith(row);
      known = { row, text };
      rows.set(entry.id, known);
      if (focused) row.querySelector('a').focus();
    }
    known.row.querySelector('a').setAttribute('href', hash_with({ entry: entry.id }));
    kept.add(entry.id);
    if (body.rows[index] !== known.row) body.insertBefore(known.row, body.rows[index] ?? null);
  });
  for (const [id, { row }] of rows) {
    if (kept.has(id)) continue;
    row.remove();
    rows.delete(id);
  }
}

function show_problem(error) {
  const problem = by_id('entries-problem');
  problem.hidden = !error;
  for (const input of by_id('filters').elements)
    if (input.name) input.removeAttribute('aria-invalid');
  if (!error) return;
  const again = element('button', { type: 'button', click: () => load() }, 'Try again');
  if (error.field === 'cursor') {
    const first = element('button', { type: 'button', click: () => show({ cursor: '' }, { trail: [] }) }, 'First page');
    problem.replaceChildren('This page of the list is no longer there. ', first);
    return;
  }
  const input = error.field ? by_id('filters').elements.namedItem(error.field) : null;
  if (input instanceof HTMLElement) input.setAttribute('aria-invalid', 'true');
  problem.replaceChildren(visible(error.message), ' ', ...(error.field ? [] : [again]));
}

function show_pager(entries, values) {
  const later = trail();
  by_id('first').hidden = !values.cursor;
  by_id('previous').hidden = !values.cursor || later.length === 0;
  by_id('next').hidden = !next_cursor;
  by_id('fresh').hidden = true;
  const before = later.length * page_entries;
  const from = values.cursor && later.length === 0 ? null : before + 1;
  set_text(by_id('range'), entries.length === 0 ? '' : from === null ? `${count(entries.length)} entries`
    : `${count(from)} to ${count(before + entries.length)}${next_cursor ? '' : ', the last'}`);
  const empty = by_id('empty');
  empty.hidden = entries.length > 0;
  by_id('pager').hidden = entries.length === 0 && !values.cursor;
  const filtered = Object.keys(filters_of(values)).length > 0;
  set_text(empty, filtered ? 'No entry matches these filters.'
    : 'No entries yet. What senders post to a source shows up here.');
}

/** Reads the page that the URL names. */
export async function load() {
  reading?.abort();
  const mine = reading = new AbortController();
  const values = shown();
  const table = by_id('entries');
  table.setAttribute('aria-busy', 'true');
  stale = false;
  loaded_at = performance.now();
  const query = { ...filters_of(values), limit: page_entries };
  if (values.order) query.order = values.order;
  if (values.cursor) query.cursor = values.cursor;
  try {
    const page = await get('entries', query, mine.signal);
    next_cursor = page.next_cursor;
    show_problem(null);
    for (const { source } of page.entries) seen_sources.add(source);
    paint(page.entries);
    show_pager(page.entries, values);
  } catch (error) {
    if (mine.signal.aborted) return;
    show_problem(error);
    by_id('empty').hidden = true;
    // An error of the filter has no entries; while the daemon is away the last ones stay.
    if (error.status === 400) paint([]);
  }
  table.removeAttribute('aria-busy');
}

/** The inputs say what the URL says. */
function fill(values) {
  const form = by_id('filters').elements;
  for (const name of ['source', 'key', 'sqlstate', 'order']) form.namedItem(name).value = values[name];
  // Each by itself: Chromium passes over an empty value that is given to the whole group.
  for (const radio of form.namedItem('state')) radio.checked = radio.value === values.state;
  for (const name of ['since', 'until']) {
    // The picker has no milliseconds: a time that it shows already stays exact.
    const text = to_local_input(values[name]);
    if (form.namedItem(name).value !== text) form.namedItem(name).value = text;
  }
  const filtered = Object.keys(filters_of(values)).length > 0;
  by_id('clear').hidden = !filtered && !values.order;
  for (const button of by_id('bulk').querySelectorAll('button')) button.disabled = !filtered;
  set_text(by_id('bulk-note'), filtered ? 'All that match:' : 'Filter first, to change many:');
}

function apply_filters() {
  const form = by_id('filters').elements;
  const now = shown();
  const wanted = { state: form.namedItem('state').value, order: form.namedItem('order').value };
  for (const name of ['source', 'key', 'sqlstate']) wanted[name] = form.namedItem(name).value.trim();
  wanted.sqlstate = wanted.sqlstate.toUpperCase();
  for (const name of ['since', 'until']) {
    const text = form.namedItem(name).value;
    wanted[name] = text === to_local_input(now[name]) ? now[name] : from_local_input(text);
  }
  if ([...filter_names, 'order'].some((name) => wanted[name] !== now[name])) show(wanted, { trail: [] });
}

let last_list = null;

/** Called when the URL says something else. */
export function shown_changed(values) {
  const list = JSON.stringify({ ...values, entry: '' });
  if (list === last_list) return;
  last_list = list;
  fill(values);
  load();
}

/** The list follows the counts, but never moves under a hand or a focus. */
export function status_changed(status) {
  const { pending, delivered, dead, discarded } = status.outbox;
  for (const label of document.querySelectorAll('[data-count]'))
    set_text(label, count(status.outbox[label.dataset.count]));
  const now = [pending, delivered, dead, discarded].join();
  if (now !== counts && counts !== '') stale = true;
  counts = now;
  if (!stale || performance.now() - loaded_at < refresh_ms) return;
  const table = by_id('entries');
  const held = rows.size > 0 && (table.matches(':hover') || table.contains(document.activeElement));
  if (shown().cursor || held) by_id('fresh').hidden = false;
  else load();
}

function move_focus(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const row = event.target.closest('tr');
  if (!step || !row) return;
  const next = step > 0 ? row.nextElementSibling : row.previousElementSibling;
  next?.querySelector('a')?.focus();
  event.preventDefault();
}

// On a phone the list comes first, unless one of the further filters is set.
function fold_filters(phone) {
  const values = shown();
  by_id('more').open = !phone || [...filter_names, 'order'].some((name) => name !== 'state' && values[name]);
}

export function start() {
  const phone = matchMedia('(max-width: 680px)');
  phone.addEventListener('change', () => fold_filters(phone.matches));
  fold_filters(phone.matches);
  set_text(by_id('zone'), `(${zone()})`);
  const form = by_id('filters');
  form.addEventListener('change', apply_filters);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    apply_filters();
  });
  by_id('clear').addEventListener('click', () => {
    show(Object.fromEntries([...filter_names, 'order'].map((name) => [name, ''])), { trail: [] });
  });
  by_id('entries').addEventListener('keydown', move_focus);
  by_id('fresh').addEventListener('click', load);
  // The buttons are at the end of the list, and another page is read from its beginning.
  const turn = (cursor, pages) => {
    show({ cursor }, { trail: pages });
    by_id('entries-title').scrollIntoView({ block: 'nearest' });
  };
  by_id('first').addEventListener('click', () => turn('', []));
  by_id('next').addEventListener('click', () => turn(next_cursor, [...trail(), shown().cursor]));
  by_id('previous').addEventListener('click', () => turn(trail().at(-1), trail().slice(0, -1)));
  for (const button of by_id('bulk').querySelectorAll('button'))
    button.addEventListener('click', () => confirm_all(button.dataset.action, shown(), load));
}
