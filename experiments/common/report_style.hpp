/// @file
/// The style sheet of report.html; that of its figures in the dark is dark_figure_rules().
#pragma once

#include <string_view>

namespace sonde::experiments {

inline constexpr std::string_view report_style = R"css(
:root { color-scheme: light dark; --ink: #1d2329; --soft: #4d5863; --line: #dfe4e8; --paper: #fff; --ground: #f4f6f8;
  --accent: #0b5c94; --good: #0b6144; --good-ground: #e8f5ef; --bad: #a8221b; --bad-ground: #fdeceb;
  --open: #6b5000; --open-ground: #fdf6e0; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #e6eaee; --soft: #b4bec8; --line: #343e48; --paper: #1a2027; --ground: #11161b;
    --accent: #7cc0f2; --good: #6fd6ac; --good-ground: #123126; --bad: #ff9b92; --bad-ground: #3a1a18;
    --open: #ecc95f; --open-ground: #332a10; }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--ink); overflow-wrap: break-word;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 8px; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 34px 0 12px; }
.lead { font-size: 1.08rem; margin: 0 0 6px; max-width: 46em; }
.paper { color: var(--soft); font-size: .92rem; margin: 0; max-width: 50em; }
.card { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; }
.banner { margin: 18px 0 0; padding: 10px 16px; border: 1px solid currentColor; border-radius: 10px;
  color: var(--open); background: var(--open-ground); }
.headline { font-size: 1.08rem; margin: 18px 0 0; } .headline small { display: block; color: var(--soft); }
.counts { display: flex; flex-wrap: wrap; gap: 8px; margin: 18px 0 0; }
.counts + section h2 { margin-top: 18px; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 215px), 1fr)); gap: 12px; margin: 0; }
.numbers div { padding: 14px 16px; background: var(--paper); border: 1px solid var(--line); border-radius: 10px; }
.numbers dt { color: var(--soft); font-size: .86rem; line-height: 1.35; }
.numbers strong { display: block; font-size: 1.65rem; font-weight: 650; line-height: 1.3; }
.numbers span { display: block; }
.list { margin: 0; padding: 6px 18px; }
.list div { display: flex; flex-wrap: wrap; gap: 0 16px; padding: 5px 0; border-bottom: 1px solid var(--line); }
.list div:last-child { border-bottom: 0; }
.list dt { flex: 1 1 20em; font-size: .92rem; } .list strong { color: var(--ink); margin-right: 8px; }
.list dd { flex: 1 1 24em; }
.numbers dd, .list dd { margin: 0; color: var(--soft); font-size: .86rem; font-variant-numeric: tabular-nums; }
.numbers strong { color: var(--ink); }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 600; font-size: .84rem; }
th, td { padding: 9px 14px; border-bottom: 1px solid var(--line); vertical-align: top; }
.claims td { overflow-wrap: anywhere; } .claims th:last-child { min-width: 9.5em; }
.claims td:nth-child(-n+3) { min-width: 11.5em; }
tr:last-child td { border-bottom: 0; }
td small { display: block; color: var(--soft); font-size: .84rem; }
.verdict { display: inline-block; padding: 1px 10px; border-radius: 999px; font-size: .84rem; font-weight: 650;
  white-space: nowrap; border: 1px solid currentColor; }
.reproduced, .pass { color: var(--good); background: var(--good-ground); }
.not-reproduced, .fail { color: var(--bad); background: var(--bad-ground); }
.inconclusive { color: var(--open); background: var(--open-ground); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 16px; align-items: start; }
figure { margin: 0; padding: 12px 14px 14px; min-width: 0; }
figure svg { display: block; width: 100%; max-width: 480px; height: auto; margin: 0 auto; }
figcaption { font-size: .92rem; margin-top: 8px; }
a { color: var(--accent); }
.scroll { overflow-x: auto; max-width: 100%; }
.scroll td, .scroll th { white-space: nowrap; padding: 6px 12px; }
.pairs { columns: 2 320px; column-gap: 32px; padding: 14px 18px; margin: 0; font-size: .92rem; }
.pairs div { display: flex; gap: 12px; justify-content: space-between; break-inside: avoid; padding: 3px 0;
  border-bottom: 1px solid var(--line); }
.pairs dt { color: var(--soft); } .pairs dd { margin: 0; text-align: right; overflow-wrap: anywhere; }
.notes p { max-width: 50em; margin: 0 0 10px; }
details summary { cursor: pointer; padding: 10px 16px; color: var(--accent); }
figure details summary { padding: 6px 0 0; font-size: .92rem; }
pre { margin: 0; padding: 12px 16px; overflow-x: auto; font: .88rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
footer { color: var(--soft); font-size: .86rem; margin-top: 34px; }
@media (max-width: 640px) {
  main { padding: 20px 12px 36px; }
  .claims thead { display: none; }
  .claims tr { display: block; padding: 12px 14px; border-bottom: 1px solid var(--line); }
  .claims tr:last-child { border-bottom: 0; }
  .claims td { display: block; border: 0; padding: 2px 0; }
  .claims td[data-label]::before { content: attr(data-label) ": "; color: var(--soft); }
  figure { padding: 8px 4px 12px; } figcaption, figure details { padding: 0 10px; }
}
@page { size: A4; margin: 14mm; }
@media print {
  body { background: #fff; font-size: 10.5pt; } main { max-width: none; padding: 0; }
  .card, .numbers div, figure, tr { break-inside: avoid; } .claims, .pairs, .list { break-inside: auto; }
  h2 { break-after: avoid; } .figures { display: block; columns: 2; column-gap: 12px; } figure { margin-bottom: 12px; padding: 6px 2px 8px; } figcaption { padding: 0 8px; }
  .download, details { display: none; }
}
)css";

}  // namespace sonde::experiments
