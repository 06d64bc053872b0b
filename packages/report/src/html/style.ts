/**
 * The style sheet of every page. Colors of text have a contrast of at least 4.5 (WCAG 2.2, 1.4.3) against every background they stand
 * on, in both color schemes.
 */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --page: #ffffff;
  --raised: #f3f4f6;
  --hover: #eef3fa;
  --line: #d5d9df;
  --text: #1b1f24;
  --link: #0b5cad;
  --good: #17622f;
  --good-fill: #dff3e4;
  --bad: #a61b1b;
  --bad-fill: #fde4e2;
  --warning: #7a4a00;
  --warning-fill: #fcefd0;
  --muted: #59616b;
  --muted-fill: #e9ebee;
  --series-0: #5c8fc7;
  --series-1: #0b3f78;
  --series-2: #c2671a;
  --series-3: #6b7280;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a;
    --raised: #1f2429;
    --hover: #1c2733;
    --line: #3a424b;
    --text: #dfe3e8;
    --link: #7db8f5;
    --good: #7fd398;
    --good-fill: #173522;
    --bad: #ff9a92;
    --bad-fill: #471d1b;
    --warning: #edbd64;
    --warning-fill: #3d2e10;
    --muted: #a3adb8;
    --muted-fill: #2a3037;
    --series-0: #39689c;
    --series-1: #8fc0f5;
    --series-2: #ef9f57;
    --series-3: #9aa4af;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0;
  padding: 1rem 1.25rem 2rem;
  background: var(--page);
  color: var(--text);
  font: 0.875rem/1.45 system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif;
}
h1, h2, h3, h4 { margin: 1.6em 0 0.5em; line-height: 1.25; overflow-wrap: anywhere; }
h1 { margin-top: 0; font-size: 1.45rem; }
h2 { padding-bottom: 0.2em; border-bottom: 1px solid var(--line); font-size: 1.15rem; }
h3, h4 { font-size: 1rem; }
p, ul, dl { max-width: 56rem; margin: 0.6em 0; overflow-wrap: anywhere; }
ul { padding-left: 1.4em; }
dl { display: grid; grid-template-columns: fit-content(16rem) 1fr; gap: 0.15em 1.2em; }
dt { color: var(--muted); }
dd { margin: 0; min-width: 0; }
code, pre { font-family: ui-monospace, "SF Mono", "DejaVu Sans Mono", "Liberation Mono", monospace; font-size: 0.95em; }
pre { overflow-x: auto; margin: 0.6em 0; padding: 0.6em 0.8em; border: 1px solid var(--line); background: var(--raised); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 1px; }

.good { color: var(--good); }
.bad { color: var(--bad); }
.warning { color: var(--warning); }
.muted { color: var(--muted); }
.badge {
  display: inline-block;
  padding: 0 0.4em;
  border-radius: 0.2em;
  background: var(--muted-fill);
  color: var(--text);
  font-size: 0.92em;
  white-space: nowrap;
}
.badge.good { background: var(--good-fill); color: var(--good); }
.badge.bad { background: var(--bad-fill); color: var(--bad); }
.badge.warning { background: var(--warning-fill); color: var(--warning); }
.badge.muted { color: var(--muted); }
[title] { cursor: help; }

form { margin: 0.8rem 0 1rem; }
details { border: 1px solid var(--line); background: var(--raised); }
summary { padding: 0.3rem 0.7rem; font-weight: 600; cursor: pointer; }
fieldset {
  display: grid;
  grid-template-columns: 8rem 1fr;
  margin: 0;
  padding: 0.15rem 0.7rem;
  border: 0;
  min-width: 0;
}
fieldset > div, .search { display: flex; flex-wrap: wrap; align-items: center; gap: 0.1rem 0.9rem; }
legend { float: left; padding: 0.1rem 0; color: var(--muted); }
fieldset label { display: inline-flex; align-items: center; gap: 0.3rem; padding: 0.1rem 0; overflow-wrap: anywhere; }
input[type="checkbox"] { flex: none; width: 1rem; height: 1rem; margin: 0; accent-color: var(--link); }
.search { padding: 0.3rem 0.7rem 0.6rem; }
.search label { flex: 0 0 7.1rem; color: var(--muted); }
.search input { flex: 0 1 20rem; min-width: 8rem; }
.search input, button {
  padding: 0.25rem 0.5rem;
  border: 1px solid var(--muted);
  border-radius: 0.2rem;
  background: var(--page);
  color: var(--text);
  font: inherit;
}
button { cursor: pointer; }
#shown { margin: 0.4rem 0; color: var(--muted); }

.table {
  width: fit-content;
  max-width: 100%;
  max-height: 88vh;
  margin: 0.8rem 0 1.4rem;
  border: 1px solid var(--line);
  overflow: auto;
}
table {
  width: max-content;
  border-collapse: separate;
  border-spacing: 0;
  font-size: 0.93em;
  font-variant-numeric: tabular-nums;
}
caption { padding: 0.35rem 0.6rem; font-weight: 600; text-align: left; }
.count { color: var(--muted); font-weight: 400; }
th, td {
  max-width: 30rem;
  padding: 0.2rem 0.6rem;
  border-top: 1px solid var(--line);
  background: var(--page);
  text-align: left;
  vertical-align: top;
  overflow-wrap: anywhere;
}
thead th {
  position: sticky;
  top: 0;
  z-index: 1;
  max-width: 10rem;
  border-bottom: 1px solid var(--line);
  background: var(--raised);
  font-weight: 600;
  vertical-align: bottom;
}
tbody tr:first-child > * { border-top: 0; }
tbody th { position: sticky; left: 0; border-right: 1px solid var(--line); font-weight: 400; }
tbody tr:hover > * { background: var(--hover); }
.number { text-align: right; white-space: nowrap; }
.empty td { color: var(--muted); }

.chart { max-width: 100%; margin: 0.8rem 0 0.4rem; overflow-x: auto; }
figcaption { padding: 0.35rem 0; font-weight: 600; }
.chart text { fill: var(--text); font-size: 11px; }
.chart .category { font-family: ui-monospace, "SF Mono", "DejaVu Sans Mono", "Liberation Mono", monospace; }
.chart .panel { font-weight: 600; }
.chart .tick { fill: var(--muted); font-size: 10px; }
.chart .grid { stroke: var(--line); }
.series-0 { fill: var(--series-0); }
.series-1 { fill: var(--series-1); }
.series-2 { fill: var(--series-2); }
.series-3 { fill: var(--series-3); }

@media (max-width: 40rem) {
  body { padding: 0.7rem; }
  fieldset { grid-template-columns: 1fr; }
  .search label { flex-basis: 100%; }
  dl { grid-template-columns: 1fr; }
  dd { margin-bottom: 0.3em; }
  th, td { max-width: 16rem; }
  tbody th { max-width: 42vw; }
}
@media (pointer: coarse) {
  fieldset label { padding: 0.25rem 0; }
}
@media print {
  :root {
    color-scheme: light;
    --page: #ffffff;
    --text: #000000;
    --line: #999999;
    --good: #17622f;
    --bad: #a61b1b;
    --warning: #7a4a00;
    --muted: #444444;
  }
  body { padding: 0; font-size: 9pt; }
  form { display: none; }
  .table { max-height: none; border: 0; overflow: visible; }
  table { width: auto; }
  thead th, tbody th { position: static; }
  thead th, .badge { background: none !important; }
  .badge { border: 1px solid var(--line); color: var(--text) !important; }
  tr { break-inside: avoid; }
  h2, h3, h4, caption { break-after: avoid; }
}
`;
