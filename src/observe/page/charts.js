// Backlog, lag, rates and size over the last hour: from the history, then appended by the stream.

import { get } from './api.js';
import { by_id } from './dom.js';
import { bytes, count, duration, minutes_of, moment, rate } from './format.js';

const hour_ms = 3_600_000;
const tick_ms = 15 * 60_000;
let step_ms = 10_000;
let samples = [];
const charts = [];

const style_of = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The least of 1, 2, 4, 6, 8, 10, 20, 40… that is not below the value. */
function round_up(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 6, 8, 10].map((digit) => digit * power).find((top) => top >= value);
}
const round_up_seconds = (value) =>
  [2, 10, 30, 60, 120, 600, 1200, 3600, 7200, 14_400, 43_200, 86_400].find((top) => top >= value) ??
  round_up(value / 86_400) * 86_400;
function round_up_bytes(given) {
  const value = Math.max(given, 2048);
  const unit = 1024 ** Math.floor(Math.log2(value) / 10);
  return round_up(value / unit) * unit;
}

// `top`: where the axis ends, so that half of it is a round figure, too.
const described = [
  { card: 'card-backlog', unit: count, top: (most) => Math.max(2, round_up(most)), lines: [['pending', 'pending', '--pending']] },
  { card: 'card-lag', unit: duration, top: round_up_seconds, lines: [['lag', 'lag_seconds', '--warn']] },
  { card: 'card-rates', unit: rate, top: round_up,
    lines: [['accepted', 'accepted_per_second', '--pending'],
            ['delivered', 'delivered_per_second', '--good']] },
  { card: 'card-space', unit: bytes, top: round_up_bytes, lines: [['size', 'bytes', '--muted']] },
];

function axes(unit, top) {
  const font = { size: 11, family: style_of('--sans') };
  return {
    x: {
      type: 'linear', min: 0, max: 1, border: { display: false },
      grid: { drawTicks: false, drawBorder: false },
      ticks: { font, autoSkip: false, maxRotation: 0, padding: 4, callback: (at) => minutes_of(new Date(at)) },
      afterBuildTicks: (axis) => {
        axis.ticks = [];
        const step = axis.maxWidth < 170 ? 2 * tick_ms : tick_ms;
        for (let at = Math.ceil(axis.min / step) * step; at <= axis.max; at += step)
          axis.ticks.push({ value: at });
      },
    },
    y: {
      min: 0, bounds: 'data', border: { display: false },
      afterDataLimits: (axis) => { axis.max = top(axis.max > 0 ? axis.max : 1); },
      afterBuildTicks: (axis) => { axis.ticks = [0, axis.max / 2, axis.max].map((value) => ({ value })); },
      grid: { drawTicks: false, drawBorder: false },
      // One width, so that the four stand under each other alike.
      afterFit: (axis) => { axis.width = 58; },
      ticks: { font, padding: 6, callback: unit },
    },
  };
}

function make_chart({ card, unit, top, lines }) {
  const canvas = document.querySelector(`#${card} canvas`);
  const chart = new globalThis.Chart(canvas, {
    type: 'line',
    data: { datasets: lines.map(([label]) => ({ label, data: [] })) },
    options: {
      animation: false, responsive: true, maintainAspectRatio: false, parsing: false, normalized: true,
      spanGaps: 35_000,  // A pause of the daemon is a hole in the line.
      interaction: { mode: 'index', intersect: false, axis: 'x' },
      elements: { point: { radius: 0, hoverRadius: 3 }, line: { borderWidth: 1.5 } },
      scales: axes(unit, top),
      plugins: {
        legend: { display: false },
        tooltip: {
          displayColors: false, animation: false,
          callbacks: {
            title: (items) => moment(new Date(items[0].parsed.x)),
            label: (item) => `${item.dataset.label} ${unit(item.parsed.y)}`,
          },
        },
      },
    },
  });
  return { chart, canvas, lines, unit };
}

function paint_colours() {
  for (const { chart, lines } of charts) {
    const { x, y } = chart.options.scales;
    for (const scale of [x, y]) {
      scale.grid.color = style_of('--line');
      scale.ticks.color = style_of('--muted');
    }
    lines.forEach(([, , variable], index) => {
      const colour = style_of(variable);
      Object.assign(chart.data.datasets[index], {
        borderColor: colour, pointHoverBackgroundColor: colour,
        backgroundColor: `${colour}1f`, fill: index === 0 ? 'origin' : false,
      });
    });
    chart.update('none');
  }
}

function paint(now) {
  samples = samples.filter((sample) => sample.at > now - hour_ms);
  for (const { chart, canvas, lines, unit } of charts) {
    chart.options.scales.x.min = now - hour_ms;
    chart.options.scales.x.max = now;
    const told = lines.map(([label, field], index) => {
      chart.data.datasets[index].data = samples.map((sample) => ({ x: sample.at, y: sample[field] }));
      const known = samples.map((sample) => sample[field]).filter(Number.isFinite);
      const most = known.reduce((a, b) => Math.max(a, b), 0);
      return `${label} ${unit(known.at(-1))} now, at the most ${unit(most)}`;
    });
    canvas.setAttribute('aria-label', `Over the last hour: ${told.join('; ')}`);
    chart.update('none');
  }
}

/** Reads the last hour. */
export async function load_history(daemon_now) {
  try {
    const history = await get('history');
    step_ms = (history.step_seconds || 10) * 1000;
    samples = history.samples.map((sample) => ({ ...sample, at: Date.parse(sample.at) }));
  } catch { /* The stream fills the charts from now on. */ }
  paint(daemon_now());
}

/** One sample a step; within a step the last one counts. */
export function append(status, now) {
  const at = Math.floor(now / step_ms) * step_ms;
  const sample = {
    at, live: true,
    pending: status.outbox.pending,
    lag_seconds: status.outbox.oldest_pending_age_seconds,
    accepted_per_second: status.rates?.accepted_per_second,
    delivered_per_second: status.rates?.delivered_per_second,
    bytes: status.outbox.bytes,
  };
  if (samples.at(-1)?.live && samples.at(-1).at === at) samples.pop();
  if (samples.length === 0 || samples.at(-1).at <= at) samples.push(sample);
  paint(now);
}

export function start() {
  if (!globalThis.Chart) {  // Figures and list do without.
    for (const { card } of described) by_id(card).classList.add('without-chart');
    return;
  }
  charts.push(...described.map(make_chart));
  paint_colours();
  paint(Date.now());
  addEventListener('themechange', paint_colours);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', paint_colours);
}
