// Numbers, times and sizes as people read them.

const numbers = new Intl.NumberFormat('en');

export const count = (value) => (Number.isFinite(value) ? numbers.format(value) : '–');

export const counted = (value, one, many) => `${count(value)} ${value === 1 ? one : many}`;

export const entries_of = (value) => counted(value, 'entry', 'entries');

export function bytes(value) {
  if (!Number.isFinite(value)) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = value;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    ++unit;
  }
  return `${size >= 100 || unit === 0 ? Math.round(size) : size.toFixed(1).replace(/\.0$/, '')} ${units[unit]}`;
}

/** Two units at the most: "12 s", "4 min", "3 h 20 min", "2 d 4 h". */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return '–';
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 120) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 || days > 9 ? `${days} d` : `${days} d ${hours % 24} h`;
}

/** "12.5/s"; small ones keep two digits so that a trickle is not shown as nothing. */
export function rate(per_second) {
  if (!Number.isFinite(per_second)) return '–';
  if (per_second === 0) return '0/s';
  if (per_second < 0.01) return '<0.01/s';
  const digits = per_second < 1 ? 2 : per_second < 100 ? 1 : 0;
  return `${numbers.format(Number(per_second.toFixed(digits)))}/s`;
}

const two = (value) => String(value).padStart(2, '0');
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export const minutes_of = (date) => `${two(date.getHours())}:${two(date.getMinutes())}`;

/** "18:03:12" today, else "27 Nov 18:03:12", and with the year if it is another one. */
export function moment(value, now = new Date()) {
  const date = value instanceof Date ? value : new Date(value);
  if (Number.isNaN(date.getTime())) return '–';
  const time = `${minutes_of(date)}:${two(date.getSeconds())}`;
  if (date.toDateString() === now.toDateString()) return time;
  const year = date.getFullYear() === now.getFullYear() ? '' : ` ${date.getFullYear()}`;
  return `${date.getDate()} ${months[date.getMonth()]}${year} ${time}`;
}

/** "UTC+2": the zone of the times above, since the log and the commands show UTC. */
export function zone(date = new Date()) {
  const minutes = -date.getTimezoneOffset();
  if (minutes === 0) return 'UTC';
  const left = Math.abs(minutes) % 60;
  return `UTC${minutes < 0 ? '-' : '+'}${Math.floor(Math.abs(minutes) / 60)}${left ? `:${two(left)}` : ''}`;
}

/** What <input type=datetime-local> shows for a time of the API, and back. */
export function to_local_input(time) {
  const date = new Date(time);
  if (!time || Number.isNaN(date.getTime())) return '';
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}` +
    `T${minutes_of(date)}${date.getSeconds() > 0 ? `:${two(date.getSeconds())}` : ''}`;
}

export function from_local_input(text) {
  const date = new Date(text);
  return !text || Number.isNaN(date.getTime()) ? '' : date.toISOString();
}
