/// @file
/// The style sheet of report.html.
#pragma once

#include <string_view>

namespace sonde::experiments {

inline constexpr std::string_view report_style = R"css(
:root { --ink: #1d2329; --soft: #5a6570; --line: #dfe4e8; --paper: #fff; --ground: #f4f6f8; --accent: #0072B2;
  --good: #0b6e4f; --bad: #b3261e; --open: #7a5c00; }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; color-scheme: light; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 28px 20px 48px; }
header h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 8px; letter-spacing: -0.01em; overflow-wrap: anywhere; }
header .lead { font-size: 1.08rem; margin: 0 0 6px; max-width: 46em; }
header .paper { color: var(--soft); font-size: .92rem; margin: 0; max-width: 50em; }
h2 { font-size: 1.2rem; margin: 34px 0 12px; }
.card { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 215px), 1fr)); gap: 12px; margin-top: 22px; }
.numbers .card { padding: 14px 16px; }
.numbers .label { color: var(--soft); font-size: .86rem; line-height: 1.35; }
.numbers .value { font-size: 1.65rem; font-weight: 650; line-height: 1.3; font-variant-numeric: tabular-nums; }
.numbers .error { color: var(--soft); font-size: .86rem; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 600; font-size: .84rem; }
th, td { padding: 9px 14px; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: break-word; }
tr:last-child td { border-bottom: 0; }
td small { display: block; color: var(--soft); }
.verdict { display: inline-block; padding: 1px 10px; border-radius: 999px; font-size: .84rem; font-weight: 650;
  white-space: nowrap; border: 1px solid currentColor; }
.reproduced, .pass { color: var(--good); background: #e8f5ef; }
.not-reproduced, .fail { color: var(--bad); background: #fdeceb; }
.inconclusive { color: var(--open); background: #fdf6e0; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 16px; }
figure { margin: 0; padding: 12px 14px 14px; }
figure svg { display: block; width: 100%; height: auto; }
figcaption { font-size: .92rem; margin-top: 8px; }
a { color: var(--accent); }
.scroll { overflow-x: auto; }
.scroll td, .scroll th { white-space: nowrap; padding: 6px 12px; }
.pairs { columns: 2 320px; column-gap: 32px; padding: 14px 18px; margin: 0; font-size: .92rem; }
.pairs div { display: flex; gap: 12px; justify-content: space-between; break-inside: avoid; padding: 3px 0;
  border-bottom: 1px solid var(--line); }
.pairs dt { color: var(--soft); white-space: nowrap; } .pairs dd { margin: 0; text-align: right; overflow-wrap: anywhere; }
.notes p { max-width: 50em; margin: 0 0 10px; }
details summary { cursor: pointer; padding: 10px 16px; color: var(--accent); }
pre { margin: 0; padding: 12px 16px; overflow-x: auto; font: .88rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
footer { color: var(--soft); font-size: .86rem; margin-top: 34px; }
@media (max-width: 640px) {
  main { padding: 20px 14px 36px; }
  .claims thead { display: none; }
  .claims tr { display: block; padding: 12px 14px; border-bottom: 1px solid var(--line); }
  .claims tr:last-child { border-bottom: 0; }
  .claims td { display: block; border: 0; padding: 2px 0; }
  .claims td[data-label]::before { content: attr(data-label) ": "; color: var(--soft); }
  figure { padding: 8px 6px 12px; } figcaption { padding: 0 8px; }
}
@media print {
  body { background: #fff; font-size: 10.5pt; } main { max-width: none; padding: 0; }
  .card, figure, tr { break-inside: avoid; } .figures { grid-template-columns: 1fr 1fr; }
  .download { display: none; } .scroll { overflow: visible; font-size: 7.5pt; }
}
)css";

}  // namespace sonde::experiments
