// What the state of the destination means, in words, with the time of the next try. Pure.

import { counted, duration, entries_of, moment } from './format.js';

const kept = 'Writes are accepted and kept.';

const cause_letters_max = 300;

/** One line, to go on a sentence with: without a capital, if it is no name, and a full stop. */
function cause_of(text) {
  let line = (text ?? '').replace(/\s+/g, ' ').trim().replace(/[.?!]+$/, '');
  if (line.length > cause_letters_max) line = `${line.slice(0, cause_letters_max)}…`;
  return /^[A-Z][a-z]+ /.test(line) && !/^(Postgres|Neon|Holdfast)/.test(line)
    ? line[0].toLowerCase() + line.slice(1) : line;
}

/** How long Postgres has been away. Null: nobody knows. */
function away_seconds(status, now) {
  const since = Date.parse(status.destination.failing_since ?? '');
  return Number.isNaN(since) ? null : Math.max(0, (now - since) / 1000);
}

function next_try(status, now) {
  const at = Date.parse(status.destination.retry_at ?? '');
  if (Number.isNaN(at)) return '';
  const left = (at - now) / 1000;
  return left >= 0.5 ? `Next try in ${duration(left)}.` : 'Trying now.';
}

const refusals = {
  configuration: 'refuses what Holdfast asks for',
  quota: 'has no room left in its quota',
  defect: 'met a fault of Holdfast',
};

function paused(status, now) {
  const reason = status.relay.pause_reason;
  if (reason === 'operator')
    return { tone: 'warn', lead: 'Delivery is paused by an operator, until somebody resumes it.', rest: [kept] };
  const cause = cause_of(status.destination.last_error);
  const what = refusals[reason] ?? `refuses (${reason})`;
  return {
    tone: 'bad',
    lead: `Delivery is paused: Postgres ${what}${cause ? `: ${cause}` : ''}.`,
    rest: [next_try(status, now), kept],
  };
}

function idle(status, now) {
  const { pending } = status.outbox;
  const at = Date.parse(status.destination.retry_at ?? '');
  if (pending > 0 && at > now)
    return { tone: 'calm', lead: `Gathering ${entries_of(pending)}; Postgres is woken in ${duration((at - now) / 1000)}.`, rest: [kept] };
  if (pending > 0)
    return { tone: 'calm', lead: `${entries_of(pending)} ${pending === 1 ? 'waits' : 'wait'} for delivery.`, rest: [kept] };
  const dead = dead_of(status);
  const lead = dead > 0 ? 'Nothing is pending; the connection to Postgres is closed until something is.'
    : 'Everything is delivered; the connection to Postgres is closed until there is more.';
  return { tone: 'good', lead, rest: [dead_text(dead)] };
}

const dead_of = (status) => status.outbox.dead ?? 0;

/** Dead ones are not delivered, whatever else is: nobody may read past them. */
const dead_text = (dead) =>
  (dead > 0 ? `${entries_of(dead)} ${dead === 1 ? 'is dead and waits' : 'are dead and wait'} for your decision.` : '');

function connected(status) {
  const { pending } = status.outbox;
  const dead = dead_of(status);
  if (pending === 0) {
    const lead = dead > 0 ? 'Postgres answers, and nothing is pending.' : 'Postgres answers, and everything is delivered.';
    return { tone: 'good', lead, rest: [dead_text(dead)] };
  }
  // Of a paused source nothing is on the way, and which entries are its own is not known here.
  if (status.relay.paused_sources?.length > 0)
    return { tone: 'good', lead: `Postgres answers; ${entries_of(pending)} ${pending === 1 ? 'is' : 'are'} pending.`, rest: [] };
  return { tone: 'good', lead: `Postgres answers; ${entries_of(pending)} ${pending === 1 ? 'is' : 'are'} on the way.`, rest: [] };
}

function backing_off(status, now) {
  const cause = cause_of(status.destination.last_error);
  const away = away_seconds(status, now);
  const what = away === null ? 'cannot be reached'
    : away < 1 ? 'has just gone away' : `has been away for ${duration(away)}`;
  return {
    tone: 'warn',
    lead: `Postgres ${what}${cause ? `: ${cause}` : ''}.`,
    rest: [next_try(status, now), kept],
  };
}

function of_destination(status, now) {
  if (status.relay.paused && status.relay.pause_reason === 'operator') return paused(status, now);
  switch (status.destination.state) {
    case 'connected': return connected(status);
    case 'idle': return idle(status, now);
    case 'backing_off': return backing_off(status, now);
    case 'paused': return paused(status, now);
    case 'unconfigured':
      return { tone: 'warn', lead: 'No destination is configured: destination.url is empty.', rest: [kept] };
    default: return { tone: 'calm', lead: `Postgres: ${status.destination.state}.`, rest: [] };
  }
}

/** {tone: good, calm, warn or bad; lead: the sentence; rest: what follows from it}. `now` is the
 *  daemon's time in milliseconds; `silent_since`, if set, that of its last word. */
export function sentence(status, now, { silent_since } = {}) {
  if (silent_since) {
    const seconds = (now - silent_since) / 1000;
    const ago = seconds >= 2 ? ` (${duration(seconds)})` : '';
    return {
      tone: 'bad',
      lead: `The daemon has not answered since ${moment(new Date(silent_since))}${ago}.`,
      rest: [status ? 'What is shown is what it said last.' : 'Is it running, and is this its address?'],
    };
  }
  if (!status) return { tone: 'calm', lead: 'Asking the daemon…', rest: [] };
  const told = of_destination(status, now);
  if (status.outbox.can_store === false) {
    const why = cause_of(status.outbox.cannot_store_reason);
    told.tone = 'bad';
    told.rest = [...told.rest.filter((part) => part !== kept),
                 `Writes are refused with 503${why ? `: ${why}` : ''}.`];
  }
  const sources = status.relay.paused_sources?.length ?? 0;
  if (sources > 0) {
    if (told.tone !== 'bad') told.tone = 'warn';
    told.rest.push(`${counted(sources, 'source is', 'sources are')} paused.`);
  }
  told.rest = told.rest.filter(Boolean);
  return told;
}

/** What the reason of a source's pause means. */
export function pause_text(reason) {
  const texts = {
    operator: 'paused by an operator, until somebody resumes it',
    poison_flood: 'twenty entries died with none delivered between: its tables no longer fit',
    configuration: 'Postgres refuses its statement: a table, column or right is missing',
    contention: 'its oldest entry keeps meeting locked rows',
    timeout: 'its oldest entry keeps timing out',
    breaks_session: 'its oldest entry breaks the session',
  };
  return texts[reason] ?? reason;
}

/** "full in 3 h 20 min", with how near that is. */
export function forecast(status) {
  const seconds = status.forecast?.full_in_seconds;
  const { bytes, bytes_max } = status.outbox;
  if (status.outbox.can_store === false) return { tone: 'bad', text: 'full: writes are refused' };
  if (typeof seconds !== 'number') {
    const near = bytes_max > 0 && bytes / bytes_max > 0.9;
    const tone = near ? 'warn' : 'calm';
    if (!status.forecast) return { tone, text: 'no forecast' };
    // A minute of figures is needed; what they span grows to that after a start.
    const measured = (status.rates?.window_seconds ?? 60) >= 55;
    return { tone, text: measured ? 'not growing' : 'known after a minute' };
  }
  const by = status.forecast.limited_by === 'disk_reserve' ? ' (disk)' : '';
  // The log warns at the same times (outbox_filling).
  const tone = seconds < 3600 ? 'bad' : seconds < 4 * 3600 ? 'warn' : 'calm';
  return { tone, text: `full in ${duration(seconds)}${by}` };
}
