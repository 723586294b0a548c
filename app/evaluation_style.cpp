#include "app/evaluation_style.hpp"

namespace holdfast::app {

// Colours of series keep a contrast of 3 and more against the ground in either scheme; dashes tell them apart without.
std::string_view evaluation_style() {
  return R"css(
:root {
  color-scheme: light dark;
  --ground: #ffffff; --panel: #f5f7fa; --ink: #17202c; --quiet: #566373; --rule: #dde3ea;
  --s0: #1b62c4; --s1: #c0561a; --s2: #2f7d4f; --s3: #8146b8; --s4: #a8871a; --s5: #b8336a;
  --warn-ground: #fff7e2; --warn-rule: #d49b00; --good: #2f7d4f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #11161d; --panel: #19212b; --ink: #e5eaf1; --quiet: #98a5b5; --rule: #2c3644;
    --s0: #69a7ff; --s1: #f2975b; --s2: #6cc48a; --s3: #c59cf3; --s4: #dcc060; --s5: #f27fac;
    --warn-ground: #2b2411; --warn-rule: #d8a520; --good: #6cc48a;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "PingFang SC", "Microsoft YaHei",
    "Noto Sans CJK SC", sans-serif;
}
main { max-width: 1160px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 8px; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 21px; line-height: 1.3; margin: 0 0 6px; letter-spacing: -0.005em; }
p { margin: 0 0 14px; max-width: 72ch; }
section { margin-top: 48px; padding-top: 28px; border-top: 1px solid var(--rule); }
.lead { font-size: 18px; color: var(--quiet); }
.identity { color: var(--quiet); font-size: 14px; overflow-wrap: anywhere; }
.verdict { font-size: 18px; max-width: 80ch; border-left: 4px solid var(--s0); padding: 4px 0 4px 16px; margin: 24px 0; }
.verdict.better { border-color: var(--good); }
.verdict.worse, .verdict.unclear { border-color: var(--warn-rule); }
.how { color: var(--quiet); font-size: 15px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 14px; margin: 24px 0; padding: 0;
  list-style: none; }
.cards li { background: var(--panel); border-radius: 10px; padding: 16px 18px; }
.cards .name { color: var(--quiet); font-size: 14px; display: block; }
.cards .figure { font-size: 30px; white-space: nowrap; font-weight: 620; letter-spacing: -0.02em; line-height: 1.25; }
.cards .bounds { color: var(--quiet); font-size: 14px; margin-left: 6px; white-space: nowrap; }
.cards .note { font-size: 14px; line-height: 1.45; display: block; margin-top: 4px; }
.care { background: var(--warn-ground); border-left: 4px solid var(--warn-rule); border-radius: 0 10px 10px 0;
  padding: 16px 20px; margin: 24px 0; }
.care h2 { font-size: 17px; }
.care ul { margin: 6px 0 0; padding-left: 20px; }
.care li { margin: 4px 0; max-width: 90ch; }
.pair { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 12px 40px; align-items: start; }
figure { margin: 0; }
svg { display: block; width: 100%; height: auto; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 0 0 8px; padding: 0; list-style: none; font-size: 14px; }
.legend li { display: flex; align-items: center; gap: 8px; }
.swatch { width: 28px; height: 10px; flex: none; }
svg text { font-size: 12px; fill: var(--quiet); font-family: inherit; }
svg .row-label, svg .row-value { font-size: 12.5px; fill: var(--ink); }
svg .row-value { font-weight: 600; font-variant-numeric: tabular-nums; }
.grid { stroke: var(--rule); stroke-width: 1; fill: none; }
.axis { stroke: var(--quiet); stroke-width: 1; fill: none; }
.line { fill: none; stroke: currentColor; stroke-width: 2.2; stroke-linejoin: round; stroke-linecap: round; }
.s0 { color: var(--s0); } .s1 { color: var(--s1); } .s2 { color: var(--s2); }
.s3 { color: var(--s3); } .s4 { color: var(--s4); } .s5 { color: var(--s5); }
.line.s0 { stroke-width: 2.8; }
.line.s1 { stroke-dasharray: 7 4; } .line.s2 { stroke-dasharray: 1.5 4; } .line.s3 { stroke-dasharray: 9 3 2 4; }
.line.s4 { stroke-dasharray: 3 3; } .line.s5 { stroke-dasharray: 14 4; }
.line.reference { stroke: var(--quiet); stroke-width: 1.2; stroke-dasharray: 4 4; }
.line.ceiling { stroke: var(--quiet); stroke-width: 1.4; stroke-dasharray: 1 4; }
.line.level { stroke: var(--quiet); stroke-width: 1.2; stroke-dasharray: 4 4; }
.line.zero { stroke: var(--quiet); stroke-width: 1; }
.line.whisker { stroke-width: 2.2; stroke-dasharray: none; opacity: 0.6; }
.line.thin { stroke-width: 1.2; opacity: 0.45; }
svg .level-label { fill: var(--quiet); font-size: 11.5px; }
svg .row-label, svg .row-value, svg .level-label { paint-order: stroke; stroke: var(--ground); stroke-width: 5px;
  stroke-linejoin: round; }
.dot { fill: currentColor; stroke: var(--ground); stroke-width: 1.5; }
.dot.part { fill: var(--ground); stroke: currentColor; stroke-width: 2; }
.fill { fill: currentColor; opacity: 0.75; }
.diamond { stroke: var(--ground); stroke-width: 1.4; }
.diamond.up { fill: var(--s1); } .diamond.down { fill: var(--s2); }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14.5px; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--quiet); font-size: 14px; padding-bottom: 6px; }
th, td { padding: 7px 10px; text-align: right; border-bottom: 1px solid var(--rule); vertical-align: top; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--quiet); font-weight: 600; font-size: 13px; border-bottom-color: var(--quiet); vertical-align: bottom; }
tbody th { font-weight: 600; }
td { white-space: nowrap; }
td.words { text-align: left; white-space: normal; }
small { color: var(--quiet); font-size: 12.5px; font-weight: 400; display: block; line-height: 1.4; }
.best { font-weight: 650; }
footer { margin-top: 48px; color: var(--quiet); font-size: 13px; }
@media (max-width: 820px) {
  main { padding: 24px 16px 48px; }
  h1 { font-size: 25px; }
  section { margin-top: 36px; padding-top: 22px; }
  .pair { grid-template-columns: minmax(0, 1fr); gap: 18px; }
}
@media (max-width: 560px) {
  svg text { font-size: 14px; } svg .row-label, svg .row-value { font-size: 14px; } svg .level-label { font-size: 13px; }
  .cards { grid-template-columns: minmax(0, 1fr); }
  table.stack, .stack tbody, .stack tr, .stack th, .stack td { display: block; width: 100%; }
  .stack thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .stack tr { padding: 10px 0; border-bottom: 1px solid var(--rule); }
  .stack th, .stack td { border: 0; padding: 2px 0; }
  .stack td { display: flex; justify-content: space-between; gap: 16px; text-align: right; }
  .stack td.words { text-align: right; }
  .stack td::before { content: attr(data-label); color: var(--quiet); text-align: left; flex: none; max-width: 45%; }
  table { font-size: 13.5px; }
  th, td { padding: 6px 4px; }
  .stack td { white-space: normal; }
}
@media print {
  :root {
    color-scheme: light;
    --ground: #ffffff; --panel: #f5f7fa; --ink: #000000; --quiet: #444c56; --rule: #cfd6de;
    --s0: #1b62c4; --s1: #c0561a; --s2: #2f7d4f; --s3: #8146b8; --s4: #a8871a; --s5: #b8336a;
    --warn-ground: #fff7e2; --warn-rule: #d49b00; --good: #2f7d4f;
  }
  body { font-size: 11pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  section { margin-top: 18pt; padding-top: 12pt; }
  figure, table, .cards li, .care, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
}
)css";
}

}  // namespace holdfast::app
