import { type Axis, timeAxis, type Unit, valueAxis } from './axes.ts';
import { type Markup, markup } from './markup.ts';

export interface Point {
  readonly atMs: number;
  readonly value: number;
  /** Shown where the pointer rests. */
  readonly title: string;
}

export interface Series {
  readonly name: string;
  readonly kind: 'line' | 'bar';
  readonly points: readonly Point[];
}

/** A limit that is drawn across the plot. */
export interface Limit {
  readonly name: string;
  readonly value: number;
}

export interface Plot {
  readonly name: string;
  readonly heading: string;
  /** What the values are and when they were taken. */
  readonly subtitle: string;
  readonly unit: Unit;
  readonly series: readonly Series[];
  readonly limits: readonly Limit[];
  /** Runs that deserve a look, crossed on the time axis: `value` does not count. */
  readonly flags: readonly Point[];
  /** For who does not see it: the same in a sentence. */
  readonly label: string;
  readonly note?: string | undefined;
}

/** First and last moment of all plots of a page, in epoch milliseconds. */
export type TimeRange = readonly [number, number];

const WIDTH = 480;
const HEIGHT = 250;
const LEFT = 62;
const RIGHT = WIDTH - 14;
const TOP = 12;
const BOTTOM = HEIGHT - 30;
/** Marks keep this distance from the axis. */
const INSET = 8;
const WIDEST_BAR = 14;
/** More marks than that hide their line, and show only under the pointer. */
const MANY = 120;

export function drawPlot(plot: Plot, [fromMs, toMs]: TimeRange): Markup {
  const { name, heading, subtitle, series, limits, flags, label, note } = plot;
  const values = [...series.flatMap(({ points }) => points), ...limits].map(({ value }) => value);
  const x = timeAxis(fromMs, toMs, [LEFT + INSET, RIGHT - INSET]);
  const y = valueAxis(Math.max(0, ...values), plot.unit, [BOTTOM, TOP]);
  const drawn = series.map((one, index) =>
    one.kind === 'bar' ? drawBars(one, index, x, y) : drawLine(one, index, x, y),
  );
  return markup`
<figure class="plot" id="${name}">
<figcaption><h3>${heading}</h3><p>${subtitle}</p>${drawLegend(plot)}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">
${drawAxes(x, y)}
${limits.map(({ value, name: limit }) => markup`<line class="limit" x1="${LEFT}" x2="${RIGHT}" y1="${px(y.at(value))}" y2="${px(y.at(value))}"><title>${limit}</title></line>`)}
${drawn}
${flags.map(({ atMs, title }) => markup`<g class="flag"><title>${title}</title>${drawCross(x.at(atMs), BOTTOM)}</g>`)}
</svg>
${note === undefined ? undefined : markup`<p class="note">${note}</p>`}
</figure>`;
}

function drawAxes(x: Axis, y: Axis): Markup {
  return markup`
${y.ticks.map(({ at, label }) => markup`<line class="grid" x1="${LEFT}" x2="${RIGHT}" y1="${px(at)}" y2="${px(at)}"/><text x="${LEFT - 8}" y="${px(at)}" dy="0.35em" text-anchor="end">${label}</text>`)}
${x.ticks.map(({ at, label }) => markup`<line class="tick" x1="${px(at)}" x2="${px(at)}" y1="${BOTTOM}" y2="${BOTTOM + (label === '' ? 3 : 6)}"/>${label === '' ? undefined : markup`<text x="${px(at)}" y="${BOTTOM + 10}" dy="0.8em" text-anchor="middle">${label}</text>`}`)}
<line class="axis" x1="${LEFT}" x2="${RIGHT}" y1="${BOTTOM}" y2="${BOTTOM}"/>`;
}

function drawLine({ points }: Series, index: number, x: Axis, y: Axis): Markup {
  const places = points.map(({ atMs, value, title }) => ({ left: x.at(atMs), top: y.at(value), title }));
  const path = places.map(({ left, top }, at) => `${at === 0 ? 'M' : 'L'}${px(left)} ${px(top)}`).join('');
  const isMany = points.length > MANY;
  const radius = isMany ? 1.5 : 2.5;
  return markup`<g class="series s${index}${isMany ? ' many' : ''}"><path d="${path}"/>
${places.map(
  ({
    left,
    top,
    title,
  }) => markup`<g class="mark"><title>${title}</title>${drawMark(index, left, top, radius)}</g>
`,
)}</g>`;
}

/** Colour is not the only thing that tells series apart. */
function drawMark(index: number, left: number, top: number, radius: number): Markup {
  if (index % 3 === 0) return markup`<circle cx="${px(left)}" cy="${px(top)}" r="${radius}"/>`;
  if (index % 3 === 1)
    return markup`<rect x="${px(left - radius)}" y="${px(top - radius)}" width="${2 * radius}" height="${2 * radius}"/>`;
  const far = radius * 1.4;
  const corners = [
    [0, -far],
    [far, 0],
    [0, far],
    [-far, 0],
  ].map(([dx = 0, dy = 0]) => `${px(left + dx)},${px(top + dy)}`);
  return markup`<polygon points="${corners.join(' ')}"/>`;
}

function drawBars({ points }: Series, index: number, x: Axis, y: Axis): Markup {
  const room = (RIGHT - LEFT) / Math.max(1, points.length);
  const width = Math.min(WIDEST_BAR, Math.max(1.5, 0.7 * room));
  return markup`<g class="bars s${index}">
${points.map(({ atMs, value, title }) => {
  // What is little is not nothing.
  const height = value === 0 ? 0 : Math.max(1, BOTTOM - y.at(value));
  return markup`<rect class="mark" x="${px(x.at(atMs) - width / 2)}" y="${px(BOTTOM - height)}" width="${px(width)}" height="${px(height)}"><title>${title}</title></rect>
`;
})}</g>`;
}

function drawCross(left: number, top: number): Markup {
  const [west, east, north, south] = [left - 4, left + 4, top - 4, top + 4].map(px);
  return markup`<path d="M${west} ${north}L${east} ${south}M${west} ${south}L${east} ${north}"/>`;
}

function drawLegend({ series, limits, flags }: Plot): Markup | undefined {
  if (series.length + limits.length + flags.length < 2) return undefined;
  const swatch = (inner: Markup) => markup`<svg viewBox="0 0 26 10" aria-hidden="true">${inner}</svg>`;
  const ofSeries = ({ kind }: Series, index: number) =>
    kind === 'bar'
      ? markup`<g class="bars s${index}"><rect x="8" y="0" width="10" height="10"/></g>`
      : markup`<g class="series s${index}"><path d="M1 5L25 5"/>${drawMark(index, 13, 5, 3)}</g>`;
  return markup`<ul class="legend">
${series.map((one, index) => markup`<li>${swatch(ofSeries(one, index))} ${one.name}</li>`)}
${limits.map(({ name }) => markup`<li>${swatch(markup`<line class="limit" x1="1" x2="25" y1="5" y2="5"/>`)} ${name}</li>`)}
${flags.length === 0 ? undefined : markup`<li>${swatch(markup`<g class="flag">${drawCross(13, 5)}</g>`)} run that did not end well</li>`}
</ul>`;
}

/** A tenth of a pixel is finer than anybody sees. */
function px(value: number): number {
  return Math.round(value * 10) / 10;
}
