// Questions, the token and short notices.

import { by_id, element, visible } from './dom.js';

const notice_ms = 8_000;

/** A notice at the bottom; one that tells of a failure stays until it is closed. */
export function say(text, tone = 'good') {
  const toasts = by_id('toasts');
  const close = () => {
    toast.remove();
    if (toasts.childElementCount === 0 && toasts.matches(':popover-open')) toasts.hidePopover();
  };
  const toast = element('div', { class: `toast ${tone}` }, element('p', {}, visible(text)),
                        element('button', { type: 'button', class: 'quiet', 'aria-label': 'Close this notice', click: close }, '×'));
  toasts.append(toast);
  // In the top layer, above a dialog that is open: shown anew, so that it is the uppermost.
  if (toasts.matches(':popover-open')) toasts.hidePopover();
  toasts.showPopover();
  if (tone !== 'bad') setTimeout(close, notice_ms);
}

/** Asks before something is done.
 *  `count()` resolves to how many entries it would touch; `title(n)` names that count; `lines`: what
 *  is done, and to which; `label(n)`: the button; `run()`: does it and resolves to what to say. */
export function confirm({ title, lines, label, count = async () => 1, run, danger = false }) {
  const dialog = by_id('ask');
  const heading = element('h2', { id: 'ask-title' }, 'Counting…');
  const problem = element('p', { class: 'problem', role: 'alert', hidden: true });
  const cancel = element('button', { type: 'button', click: () => dialog.close() }, 'Cancel');
  const go = element('button', { type: 'button', class: danger ? 'main danger' : 'main', disabled: true }, label(NaN));
  const failed = (error) => {
    problem.replaceChildren(visible(error.message));
    problem.hidden = false;
  };
  // Whoever left the question meanwhile is told all the same, and the next question stays.
  const asked = () => dialog.open && heading.isConnected;
  go.addEventListener('click', async () => {
    go.disabled = true;
    dialog.setAttribute('aria-busy', 'true');
    try {
      const said = await run();
      if (asked()) dialog.close();
      say(said);
    } catch (error) {
      if (asked()) failed(error);
      else say(error.message, 'bad');
      go.disabled = false;
    }
    if (heading.isConnected) dialog.removeAttribute('aria-busy');
  });
  dialog.replaceChildren(heading, ...lines.map((line) => (line instanceof Node ? line : element('p', {}, line))),
                         problem, element('div', { class: 'actions' }, cancel, go));
  dialog.removeAttribute('aria-busy');
  dialog.showModal();
  cancel.focus();
  count().then((n) => {
    if (!heading.isConnected) return;
    heading.textContent = n === 0 ? 'None of these entries can be changed so' : title(n);
    go.textContent = label(n);
    go.disabled = n === 0;
  }, (error) => {
    heading.textContent = 'This cannot be done';
    failed(error);
  });
}

/** Resolves to the token that is typed; there is no way around it. */
export function ask_token(refused) {
  const dialog = by_id('token');
  const input = by_id('token-input');
  const problem = by_id('token-problem');
  problem.hidden = !refused;
  problem.textContent = 'That token was refused.';
  input.value = '';
  if (!dialog.open) dialog.showModal();
  input.focus();
  return new Promise((resolve) => {
    // A browser lets a second Escape through, whatever a page says to it.
    const reopen = () => {
      dialog.showModal();
      input.focus();
    };
    dialog.addEventListener('close', reopen);
    by_id('token-form').addEventListener('submit', (event) => {
      event.preventDefault();
      dialog.removeEventListener('close', reopen);
      dialog.close();
      resolve(input.value.trim());
      input.value = '';
    }, { once: true });
  });
}
