/** The style sheet of reports and drawings; light and dark. */
export const style = `
:root { color-scheme: light dark; --ink: #1c2430; --soft: #667085; --grid: #e4e7ec; --back: #ffffff; --panel: #f7f8fa;
  --loss: #b9cdf2; --smooth: #2563eb; --floor: #16a34a; --test: #ea580c; --test1: #9333ea; --test2: #0891b2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --grid: #2a3240; --back: #12161d; --panel: #1a202a;
  --loss: #2f4a80; --smooth: #60a5fa; --floor: #4ade80; --test: #fb923c; --test1: #c084fc; --test2: #22d3ee; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); max-width: 900px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; margin: 1rem 0; } th { text-align: left; white-space: nowrap; font-weight: 500; color: var(--soft); padding-right: 1.5rem; }
th, td { padding-block: .2rem; vertical-align: top; font-variant-numeric: tabular-nums; }
figure { margin: 1.5rem 0; padding: 1rem; background: var(--panel); border-radius: 8px; }
figcaption small { color: var(--soft); } svg { width: 100%; height: auto; margin-top: .5rem; }
.key { margin-left: 1rem; font-size: 13px; white-space: nowrap; } .key i { display: inline-block; width: 14px; height: 3px; margin-right: 5px; vertical-align: middle; background: currentColor; }
.grid { stroke: var(--grid); } .tick { fill: var(--soft); font-size: 12px; }
.line { fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linejoin: round; } .dot { fill: currentColor; stroke: none; }
.s-loss { color: var(--loss); } .s-smooth, .s-rate { color: var(--smooth); } .s-floor { color: var(--floor); }
.s-constant { color: var(--soft); } .dashed { stroke-dasharray: 5 4; } .key i.dashed { background: repeating-linear-gradient(90deg, currentColor 0 4px, transparent 4px 7px); }
.s-test0 { color: var(--test); } .s-test1 { color: var(--test1); } .s-test2 { color: var(--test2); }
details { margin-top: 2rem; } .samples { display: flex; flex-wrap: wrap; gap: 14px 28px; } .samples div { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; } .samples p { margin: 0; font-variant-numeric: tabular-nums; }
.samples img { image-rendering: pixelated; border-radius: 4px; max-width: 100%; height: auto; } .classes .key i { height: 12px; }
pre { background: var(--panel); padding: 1rem; overflow-x: auto; border-radius: 8px; }
`;
