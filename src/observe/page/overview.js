// The state in one sentence, the figures, and the sources.

import { post } from './api.js';
import { by_id, element, set_text, visible } from './dom.js';
import { confirm, say } from './dialogs.js';
import { bytes, count, counted, duration, moment, rate } from './format.js';
import { seen_sources } from './entries.js';
import { forecast, pause_text, sentence } from './sentence.js';

let status = null;
let silent_since = null;
let clock_offset_ms = 0;  // The daemon's clock less the browser's.
const clock_slack_ms = 2_000;
let announced = '';
let sources_shown = '';

/** The daemon's time; a phone's clock may be minutes off. */
export const daemon_now = () => Date.now() + clock_offset_ms;

/** The status has just come: where the clocks agree they are not touched. */
export function set_clock(at) {
  const ahead = Date.parse(at) - Date.now();
  if (!Number.isNaN(ahead)) clock_offset_ms = Math.abs(ahead) > clock_slack_ms ? ahead : 0;
}

/** Paints what changes with the time alone: called each second, and with each status. */
export function tick() {
  const told = sentence(status, daemon_now(), { silent_since });
  by_id('state').dataset.tone = told.tone;
  const line = by_id('sentence');
  const text = [told.lead, ...told.rest].join(' ');
  if (line.textContent !== text)
    line.replaceChildren(element('strong', {}, visible(told.lead)), ...told.rest.flatMap((part) => [' ', visible(part)]));
  // A screen reader hears of a new state, not of each second that goes by.
  const spoken = text.replace(/\d+ (s|min|h|d)\b/g, '').replace(/[\d,]+/g, '');
  if (spoken !== announced) {
    announced = spoken;
    by_id('announcer').textContent = text;
  }
}

function paint_figures() {
  const { outbox, rates } = status;
  set_text(by_id('backlog'), count(outbox.pending));
  const dead = outbox.dead > 0 ? element('a', { href: '#state=dead', class: 'bad' }, `${count(outbox.dead)} dead`) : 'none dead';
  if (by_id('backlog-note').textContent !== (dead.textContent ?? dead)) by_id('backlog-note').replaceChildren(dead);
  set_text(by_id('lag'), outbox.pending > 0 ? duration(outbox.oldest_pending_age_seconds) : '0 s');
  const figure = by_id('rates');
  const [accepted, delivered] = [rate(rates?.accepted_per_second), rate(rates?.delivered_per_second)];
  if (figure.textContent !== `${accepted} ${delivered}`)
    figure.replaceChildren(element('span', { class: 'in' }, accepted), ' ', element('span', { class: 'out' }, delivered));
  const used = bytes(outbox.bytes);
  if (by_id('space').textContent !== `${used} of ${bytes(outbox.bytes_max)}`)
    by_id('space').replaceChildren(used, element('small', {}, ` of ${bytes(outbox.bytes_max)}`));
  const ahead = forecast(status);
  set_text(by_id('forecast'), ahead.text);
  by_id('card-space').dataset.tone = ahead.tone;
  const version = `${status.version} · node ${String(status.node).slice(0, 8)}`;
  set_text(by_id('version'), version);
  document.title = status.status === 'ok' ? 'Holdfast' : `${status.status}: ${count(outbox.pending)} pending – Holdfast`;
}

async function change(path, done) {
  try {
    const { changed } = await post(path);
    say(changed ? done : 'It was so already.');
  } catch (error) {
    say(error.message, 'bad');
  }
}

function ask_pause_source(name) {
  confirm({
    title: () => `Pause the source ${name}?`,
    lines: ['Its entries are accepted and kept, but not delivered. It stays so, over restarts, too, until somebody resumes it.'],
    label: () => 'Pause the source',
    run: async () => {
      await post(`sources/${encodeURIComponent(name)}/pause`);
      return `${name} is paused.`;
    },
  });
}

const name_of = (name) => element('span', { class: 'name' }, visible(name));

/** An operator's pause ends with it; of another one the oldest entry is tried at once. */
function way_out({ source, reason }) {
  const done = reason === 'operator' ? `${source} is resumed.` : `${source} is tried now.`;
  return element('button', { type: 'button', 'aria-label': `Resume ${source}`,
    click: () => change(`sources/${encodeURIComponent(source)}/resume`, done) }, 'Resume');
}

function paused_item(source) {
  const end = source.reason === 'operator' ? '' : '; it resumes by itself: its oldest entry is tried every 30 s';
  return element('li', {}, element('div', {}, name_of(source.source), ' ', visible(pause_text(source.reason)),
      source.error ? element('p', { class: 'mono' }, visible(source.error)) : null,
      element('p', { class: 'note' }, `${source.reason}, since ${moment(source.since)}${end}`)),
    way_out(source));
}

function running_item([name, delivered]) {
  return element('li', {}, element('div', {}, name_of(name), ' ', element('span', { class: 'note' }, `${count(delivered)} delivered since the start`)),
    element('button', { type: 'button', 'aria-label': `Pause ${name}`, click: () => ask_pause_source(name) }, 'Pause…'));
}

function paint_sources() {
  const paused = status.relay.paused_sources ?? [];
  const names = new Set(paused.map((source) => source.source));
  // Those that delivered since the start, and those of entries that were listed.
  const delivered = { ...Object.fromEntries([...status.sources, ...seen_sources].map((name) => [name, 0])), ...status.delivered_by_source };
  const running = Object.entries(delivered).filter(([name]) => name && !names.has(name));
  // Counts go up all the time; a button under a finger must not be made anew for them.
  const now = JSON.stringify([paused, running.map(([name]) => name)]);
  if (now !== sources_shown) {
    sources_shown = now;
    by_id('paused').hidden = paused.length === 0;
    by_id('paused-list').replaceChildren(...paused.map(paused_item));
    by_id('running').hidden = running.length === 0;
    set_text(by_id('running-title'), counted(running.length, paused.length > 0 ? 'other source' : 'source', paused.length > 0 ? 'other sources' : 'sources'));
    by_id('running-list').replaceChildren(...running.map(running_item));
    by_id('source-names').replaceChildren(...[...names, ...running.map(([name]) => name)].map((name) => element('option', { value: name })));
  } else if (by_id('running').open) {
    running.forEach(([, delivered], index) => set_text(by_id('running-list').children[index].querySelector('.note'), `${count(delivered)} delivered since the start`));
  }
}

/** The daemon said something, by the stream or asked. */
export function update(document_, mode) {
  status = document_;
  silent_since = null;
  set_clock(status.at);
  by_id('link').dataset.mode = mode;
  set_text(by_id('link-text'), mode === 'stream' ? 'live' : 'asked every 2 s');
  by_id('relay-actions').hidden = false;
  const stopped = status.relay.paused && status.relay.pause_reason === 'operator';
  set_text(by_id('relay-toggle'), stopped ? 'Resume delivery' : 'Pause delivery…');
  by_id('probe').disabled = status.destination.state === 'unconfigured';
  document.body.classList.remove('silent');
  tick();
  paint_figures();
  paint_sources();
}

/** The daemon could not be reached. */
export function silent() {
  silent_since ??= daemon_now();
  by_id('link').dataset.mode = 'silent';
  set_text(by_id('link-text'), 'no answer');
  document.body.classList.add('silent');
  tick();
}

function toggle_relay() {
  if (status?.relay.paused && status.relay.pause_reason === 'operator') {
    change('relay/resume', 'Delivery is resumed.');
    return;
  }
  confirm({
    title: () => 'Pause delivery to Postgres?',
    lines: ['Writes are accepted and kept, and none is delivered. It stays so, over restarts, too, until somebody resumes it.'],
    label: () => 'Pause delivery',
    run: async () => {
      await post('relay/pause');
      return 'Delivery is paused.';
    },
  });
}

async function probe(event) {
  const button = event.currentTarget;
  button.disabled = true;
  try {
    const told = await post('relay/probe');
    if (told.ok) say(`Postgres answers, in ${Math.max(1, Math.round(told.took_seconds * 1000))} ms.`);
    else say(`Postgres does not answer: ${told.error ?? told.state}`, 'bad');
  } catch (error) {
    say(error.message, 'bad');
  }
  button.disabled = false;
}

export function start() {
  by_id('relay-toggle').addEventListener('click', toggle_relay);
  by_id('probe').addEventListener('click', probe);
  setInterval(tick, 1000);
}
