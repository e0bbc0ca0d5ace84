// What can be done to entries, each after a question that names the count and the filter.

import { get, post } from './api.js';
import { element, visible } from './dom.js';
import { confirm } from './dialogs.js';
import { entries_of, moment } from './format.js';
import { filters_of } from './url.js';

export const actions = {
  retry: {
    verb: 'Retry', done: 'Retried', states: ['dead'],
    meaning: 'They become pending again, with the same id, and are delivered in their order.',
    one: 'It becomes pending again, with the same id, and is delivered in its order.',
  },
  replay: {
    verb: 'Replay', done: 'Replayed', states: ['delivered', 'dead', 'discarded', 'pending'],
    meaning: 'Each is appended once more as a new entry: its writes run again in Postgres.',
    one: 'It is appended once more as a new entry: its writes run again in Postgres.',
  },
  discard: {
    verb: 'Discard', done: 'Discarded', states: ['pending', 'dead'], danger: true,
    meaning: 'They are not delivered. Their payloads are kept for outbox.keep_discarded.',
    one: 'It is not delivered. Its payload is kept for outbox.keep_discarded.',
  },
  erase: {
    verb: 'Erase', done: 'Erased', states: ['pending', 'delivered', 'dead', 'discarded'], danger: true,
    one: 'Its body, headers and error texts are removed here for good, and it is not delivered any more; the receipt stays. What Postgres has is not touched.',
  },
};

const words = { state: 'state', source: 'source', key: 'key', sqlstate: 'SQLSTATE', since: 'received since', until: 'received until' };

/** The filter as a list of terms, for people. */
function filter_list(filters) {
  return element('dl', { class: 'filter' }, Object.entries(filters).map(([name, value]) => element('div', {},
    element('dt', {}, words[name]),
    element('dd', {}, name === 'since' || name === 'until' ? moment(value) : visible(value)))));
}

/** One request for each state that the action is for, so that the count is that of what would change
 *  and not of all that matches; pending before dead, since an entry may become the one from the other.
 *  Replay is for all states, and one request: a second would find the copies of the first. */
async function change_matching(name, filters, dry_run) {
  const states = name === 'replay' ? [filters.state]
    : actions[name].states.filter((state) => !filters.state || state === filters.state);
  const sum = { matched: 0, changed: 0 };
  for (const state of states) {
    const told = await post(`entries/${name}`, { ...filters, ...(state ? { state } : {}), dry_run });
    sum.matched += told.matched;
    sum.changed += told.changed;
  }
  return sum;
}

export function confirm_all(name, shown, after) {
  const action = actions[name];
  const filters = filters_of(shown);
  confirm({
    title: (n) => `${action.verb} ${entries_of(n)}?`,
    lines: [element('p', { class: 'note' }, 'All that match this filter:'), filter_list(filters), action.meaning],
    label: (n) => (n > 0 ? `${action.verb} ${entries_of(n)}` : action.verb),
    danger: action.danger,
    count: async () => (await change_matching(name, filters, 'true')).matched,
    run: async () => {
      const { matched, changed } = await change_matching(name, filters, 'false');
      after();
      return `${action.done} ${changed === matched ? entries_of(changed) : `${changed} of ${entries_of(matched)}`}.`;
    },
  });
}

export function confirm_one(name, entry, after) {
  const action = actions[name];
  confirm({
    title: (n) => `${action.verb} ${entries_of(n)}?`,
    lines: [filter_list({ state: entry.state, source: entry.source, ...(entry.dedupe_key ? { key: entry.dedupe_key } : {}) }),
            element('p', { class: 'mono' }, entry.id), action.one],
    label: () => `${action.verb} 1 entry`,
    danger: action.danger,
    // It may have been settled, or be gone, since it was shown.
    count: async () => { await get(`entries/${entry.id}`); return 1; },
    run: async () => {
      const { changed, id } = await post(`entries/${entry.id}/${name}`);
      after(id);
      return changed ? `${action.done} 1 entry.` : 'Nothing had to be changed.';
    },
  });
}
