/** Colours have a contrast of 4.5 and more as text and of 3 and more as marks, in light and in dark. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --back: #ffffff; --panel: #f6f7f9; --text: #1c2127; --muted: #56606b; --edge: #d5dae0; --grid: #e3e7eb;
  --s0: #0b5fc0; --s1: #b04f00; --s2: #157347; --limit: #b42318; --bad: #b42318; --well: #157347;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #11151a; --panel: #191f26; --text: #e7eaee; --muted: #a3adb8; --edge: #35404b; --grid: #2a333d;
    --s0: #6db1ff; --s1: #ffad66; --s2: #5fd39b; --limit: #ff8f85; --bad: #ff8f85; --well: #5fd39b;
  }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 1.5rem clamp(0.75rem, 3vw, 2.5rem); background: var(--back); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
header, main, footer { max-width: 82rem; margin: 0 auto; }
h1 { margin: 0; font-size: 1.6rem; line-height: 1.25; font-weight: 650; overflow-wrap: anywhere; }
h2 { margin: 2.25rem 0 0.75rem; font-size: 1.2rem; }
h3 { margin: 0; font-size: 1rem; }
p { margin: 0.25rem 0; }
code, .instance, .archive { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 0.92em;
  overflow-wrap: anywhere; }
.archive, footer, .more, .note, figcaption p, .took { color: var(--muted); }
.note { font-size: 0.87rem; }
footer { margin-top: 2rem; font-size: 0.87rem; }
.headlines { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 10.25rem), 1fr)); gap: 0.75rem;
  margin: 1.25rem 0 0; }
.headlines div, .plot { background: var(--panel); border: 1px solid var(--edge); border-radius: 8px; min-width: 0; }
.headlines div { padding: 0.6rem 0.9rem; }
dt { font-size: 0.87rem; color: var(--muted); }
dd { margin: 0; }
.value { font-size: 1.45rem; line-height: 1.3; font-weight: 650; overflow-wrap: anywhere; }
.more { font-size: 0.87rem; }
.well { color: var(--well); }
.bad { color: var(--bad); font-weight: 650; }
.plots { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; }
@media (min-width: 46rem) { .plots { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
.plot { margin: 0; padding: 0.8rem 0.9rem 0.5rem; display: flex; flex-direction: column; }
figcaption { flex: 1; }
figcaption p { font-size: 0.87rem; }
.plot > svg { display: block; width: 100%; height: auto; margin-top: 0.5rem; }
.legend { display: flex; flex-wrap: wrap; gap: 0.1rem 1.1rem; margin: 0.25rem 0 0; padding: 0; list-style: none;
  font-size: 0.87rem; }
.legend svg { width: 26px; height: 10px; overflow: visible; }
svg text { fill: var(--muted); font-size: 12px; }
@media (max-width: 62rem) { svg text { font-size: 14px; } }
.grid { stroke: var(--grid); }
.axis, .tick { stroke: var(--muted); }
.s0 { color: var(--s0); } .s1 { color: var(--s1); } .s2 { color: var(--s2); }
.series > path { fill: none; stroke: currentColor; stroke-width: 1.75; stroke-linejoin: round; }
.series.s1 > path { stroke-dasharray: 6 3; }
.series.s2 > path { stroke-dasharray: 2 2.5; }
.series circle, .series rect, .series polygon { fill: currentColor; stroke: transparent; stroke-width: 10; }
.series .mark:hover > * { stroke: currentColor; stroke-width: 3; }
.bars rect { fill: currentColor; }
.bars .mark { stroke: transparent; stroke-width: 3; }
.bars .mark:hover { stroke: currentColor; }
.many .mark > * { fill: transparent; }
.many .mark:hover > * { fill: currentColor; }
.flag path { fill: none; stroke: var(--limit); stroke-width: 2; }
.limit { stroke: var(--limit); stroke-width: 1.5; stroke-dasharray: 10 4; }
.details { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem 2rem;
  margin-top: 1rem; align-items: start; }
.details > div { min-width: 0; }
.scroll { overflow: auto; max-width: 100%; margin-top: 0.5rem; border: 1px solid var(--edge); border-radius: 8px; }
.scroll:focus-visible { outline: 2px solid var(--s0); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: 0.87rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.65rem; text-align: left; border-bottom: 1px solid var(--edge); }
tbody th { font-weight: 400; }
tbody:last-child tr:last-child > *, tfoot tr > * { border-bottom: 0; }
tfoot th, tfoot td { font-weight: 650; }
thead th { font-weight: 650; color: var(--muted); vertical-align: bottom; background: var(--panel); }
.n { text-align: right; white-space: nowrap; }
.runs th, .runs td { white-space: nowrap; }
.runs thead th[colspan] { border-left: 1px solid var(--edge); }
.runs tbody th { position: sticky; left: 0; background: var(--back); }
.zero, .zero data { color: var(--muted); }
.took { font-weight: 400; font-size: 0.92em; }
@media print { body { padding: 0; } .scroll { overflow: visible; border: 0; } .plot { break-inside: avoid; } }
`;
