// What is shown lives in the hash: it survives a reload, can be sent to a colleague, and is never
// part of a request that a proxy might log.

export const filter_names = ['state', 'source', 'key', 'sqlstate', 'since', 'until'];
const names = [...filter_names, 'order', 'cursor', 'entry'];

export function shown() {
  const parameters = new URLSearchParams(location.hash.slice(1));
  return Object.fromEntries(names.map((name) => [name, parameters.get(name) ?? '']));
}

function hash_of(values) {
  const parameters = new URLSearchParams();
  for (const name of names) if (values[name]) parameters.set(name, values[name]);
  return `#${parameters}`;
}

/** The hash of what is shown now, changed so. Other filters begin at the first page. */
export function hash_with(changes) {
  const filters = [...filter_names, 'order'].some((name) => name in changes);
  return hash_of({ ...shown(), ...(filters ? { cursor: '' } : {}), ...changes });
}

/** Shows something else; `trail`: the cursors of the pages before, for "Previous". */
export function show(changes, { replace = false, trail } = {}) {
  const state = { trail: trail ?? history.state?.trail ?? [] };
  history[replace ? 'replaceState' : 'pushState'](state, '', hash_with(changes));
  dispatchEvent(new Event('shown'));
}

export const trail = () => history.state?.trail ?? [];

/** Only what is set, for a query. */
export function filters_of(values) {
  return Object.fromEntries(filter_names.filter((name) => values[name]).map((name) => [name, values[name]]));
}

export function on_shown(listener) {
  let last = null;
  const tell = () => {
    if (location.hash === last) return;
    last = location.hash;
    listener(shown());
  };
  for (const event of ['popstate', 'hashchange', 'shown']) addEventListener(event, tell);
  tell();
}
