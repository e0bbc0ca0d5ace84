// Puts the parts together. Each part owns its own corner of the page; what they share is the URL and
// the status document.

import { follow, forget_token, has_token, on_token_needed } from './api.js';
import * as charts from './charts.js';
import { ask_token } from './dialogs.js';
import { by_id } from './dom.js';
import * as entries from './entries.js';
import * as entry from './entry.js';
import * as overview from './overview.js';
import { on_shown } from './url.js';

const history_gap_ms = 30_000;
let last_status_at = 0;

on_token_needed(ask_token);
overview.start();
charts.start();
entries.start();
entry.start();

on_shown((values) => {
  entries.shown_changed(values);
  entry.shown_changed(values, entries.load);
});

by_id('forget').addEventListener('click', forget_token);

follow({
  status: (status, mode) => {
    const now = Date.now();
    overview.update(status, mode);
    by_id('forget').hidden = !has_token();
    // After a while without the daemon the hole is filled from its own memory.
    if (now - last_status_at > history_gap_ms) charts.load_history(overview.daemon_now);
    else charts.append(status, overview.daemon_now());
    last_status_at = now;
    entries.status_changed(status);
  },
  silent: overview.silent,
});
