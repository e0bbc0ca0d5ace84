// The theme, before anything is painted. "system" follows the machine's light or dark.
'use strict';
(() => {
  const key = 'holdfast-theme';
  const themes = ['system', 'light', 'dark'];
  const read = () => {
    try { return localStorage.getItem(key) ?? 'system'; } catch { return 'system'; }
  };
  const apply = (theme) => {
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  };
  apply(read());
  addEventListener('DOMContentLoaded', () => {
    const button = document.getElementById('theme');
    const show = () => { button.textContent = `Theme: ${read()}`; };
    show();
    button.addEventListener('click', () => {
      const next = themes[(themes.indexOf(read()) + 1) % themes.length];
      try { localStorage.setItem(key, next); } catch { /* Then it lasts as long as this view. */ }
      apply(next);
      show();
      dispatchEvent(new Event('themechange'));
    });
  });
})();
