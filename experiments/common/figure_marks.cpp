// How a FigurePainter draws each kind of mark.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "experiments/common/figure_painter.hpp"
#include "experiments/common/palette.hpp"

namespace sonde::experiments {

void FigurePainter::paint_mark(const Mark& m) {
  switch (m.kind) {
    case Kind::line:
      return paint_line(m);
    case Kind::band:
      return paint_band(m);
    case Kind::scatter:
      return paint_points(m, 3);
    case Kind::estimates:
      return paint_estimates(m);
    case Kind::bars:
      return paint_bars(m);
    case Kind::histogram:
      return paint_histogram(m);
    case Kind::box:
      return paint_box(m);
    case Kind::level:
      return rule(left_, y_(m.points[0].y), FigurePage::right, y_(m.points[0].y));
    case Kind::upright:
      return rule(x_(m.points[0].x), top_, x_(m.points[0].x), bottom_);
    case Kind::heat_map:
      return;  // a MapPainter's
  }
}

// A value that cannot be shown breaks the line. A few shapes along it name the series to those who
// cannot tell its colour.
void FigurePainter::paint_line(const Mark& m) {
  const auto same = std::ranges::count_if(f_.marks_, [&](const Mark& other) {
    return other.kind == Kind::line && other.label == m.label;
  });
  std::vector<double> all, piece;
  auto flush = [&] {
    out_.path(piece, false, line_stroke(m.colour, same > 1 ? 1.3 : 2));
    all.insert(all.end(), piece.begin(), piece.end());
    piece.clear();
  };
  for (const Point& p : m.points)
    if (x_.shows(p.x) && y_.shows(p.y))
      piece.insert(piece.end(), {x_(p.x), y_(p.y)});
    else
      flush();
  flush();
  const std::size_t n = all.size() / 2, every = n <= 12 ? 1 : n / 4;
  for (std::size_t i = 0; i < n; ++i)
    if ((n - 1 - i) % every == 0) paint_shape(m, all[2 * i], all[2 * i + 1], same > 1 ? 2.6 : 3.4);
}

void FigurePainter::paint_band(const Mark& m) {
  std::vector<double> xy;
  auto shown = [&](const Point& p) { return x_.shows(p.x) && y_.shows(p.low) && y_.shows(p.high); };
  for (const Point& p : m.points)
    if (shown(p)) xy.insert(xy.end(), {x_(p.x), y_(p.high)});
  for (auto p = m.points.rbegin(); p != m.points.rend(); ++p)
    if (shown(*p)) xy.insert(xy.end(), {x_(p->x), y_(p->low)});
  out_.path(xy, true, series_fill(m.colour, "fill-opacity=\"0.16\""));
}

void FigurePainter::paint_points(const Mark& m, double radius) {
  for (const Point& p : m.points)
    if (x_.shows(p.x) && y_.shows(p.y)) paint_shape(m, x_(p.x), y_(p.y), radius);
}

void FigurePainter::paint_shape(const Mark& m, double x, double y, double radius) {
  enum { circle, square, triangle, diamond, wedge, plus, cross, kinds };
  // After the first seven the same again, hollow.
  const int kind = m.colour % kinds;
  const bool hollow = m.colour / kinds % 2 == 1;
  const std::string style = hollow ? paper_fill() : series_fill(m.colour, "");
  const std::string edge = series_stroke(m.colour, "stroke-width=\"1.8\" fill=\"none\"");
  const double r = radius * 1.2;
  auto polygon = [&](std::span<const double> xy) {
    out_.path(xy, true, style);
    if (hollow) out_.path(xy, true, edge);
  };
  switch (kind) {
    case circle:
      out_.circle(x, y, radius, style);
      if (hollow) out_.circle(x, y, radius, edge);
      return;
    case square:
      return polygon(std::array{x - radius, y - radius, x + radius, y - radius, x + radius,
                                y + radius, x - radius, y + radius});
    case triangle:
      return polygon(std::array{x, y - r, x + r, y + 0.8 * r, x - r, y + 0.8 * r});
    case diamond:
      return polygon(std::array{x, y - 1.1 * r, x + 1.1 * r, y, x, y + 1.1 * r, x - 1.1 * r, y});
    case wedge:
      return polygon(std::array{x, y + r, x + r, y - 0.8 * r, x - r, y - 0.8 * r});
    case plus:
      out_.line(x - r, y, x + r, y, edge);
      return out_.line(x, y - r, x, y + r, edge);
    default:
      out_.line(x - r, y - r, x + r, y + r, edge);
      return out_.line(x - r, y + r, x + r, y - r, edge);
  }
}

void FigurePainter::rule(double x1, double y1, double x2, double y2) {
  out_.line(x1, y1, x2, y2, axis_stroke() + " stroke-width=\"1.4\" stroke-dasharray=\"5 4\"");
}

void FigurePainter::whisker(double x, double low, double high, const std::string& style,
                            double cap) {
  if (!y_.shows(low) || !y_.shows(high)) return;
  out_.line(x, y_(low), x, y_(high), style);
  for (double v : {low, high}) out_.line(x - cap, y_(v), x + cap, y_(v), style);
}

void FigurePainter::paint_estimates(const Mark& m) {
  for (const Point& p : m.points)
    if (x_.shows(p.x))
      whisker(x_(p.x), p.low, p.high, series_stroke(m.colour, "stroke-width=\"1.5\""), 4);
  paint_points(m, 3.6);
}

std::string FigurePainter::bar_fill(const Mark& m) const {
  return f_.tones_ ? tone_fill(m.colour) + " " + axis_stroke() : series_fill(m.colour);
}

// Calls of bars() share a category's width.
void FigurePainter::paint_bars(const Mark& m) {
  double rank = 0;
  for (const Mark* other = f_.marks_.data(); other != &m; ++other)
    if (other->kind == Kind::bars) ++rank;
  const double step = 0.8 / bar_groups();
  for (const Point& p : m.points)
    paint_bar(m, p, p.x - 0.4 + rank * step, p.x - 0.4 + (rank + 0.92) * step);
}

// `from` and `to` on the axis of categories.
void FigurePainter::paint_bar(const Mark& m, const Point& p, double from, double to) {
  const Scale &place = lying() ? y_ : x_, &value = lying() ? x_ : y_;
  const bool log = (lying() ? f_.x_ : f_.y_).log;
  if (!place.shows(from) || !value.shows(p.y)) return;
  auto rect = [&](double p1, double p2, double v1, double v2, std::string_view style) {
    const double x1 = lying() ? v1 : p1, x2 = lying() ? v2 : p2, y1 = lying() ? p1 : v1,
                 y2 = lying() ? p2 : v2;
    out_.rect(std::min(x1, x2), std::min(y1, y2), std::abs(x2 - x1), std::abs(y2 - y1), style);
  };
  rect(place(from), place(to), value(log ? value.low() : 0), value(p.y), bar_fill(m));
  if (!value.shows(p.low) || !value.shows(p.high)) return;
  auto line = [&](double p1, double p2, double v1, double v2, std::string_view style) {
    lying() ? out_.line(v1, p1, v2, p2, style) : out_.line(p1, v1, p2, v2, style);
  };
  const double middle = place((from + to) / 2), low = value(p.low), high = value(p.high);
  // A pale rim keeps the whisker visible inside the bar.
  for (const std::string& style : {paper_stroke("stroke-width=\"3.5\""), ink_stroke()}) {
    line(middle, middle, low, high, style);
    for (double end : {low, high}) line(middle - 3, middle + 3, end, end, style);
  }
}

void FigurePainter::paint_histogram(const Mark& m) {
  for (const Point& p : m.points)
    if (x_.shows(p.low) && x_.shows(p.high) && y_.shows(p.y))
      out_.rect(x_(p.low), y_(p.y), x_(p.high) - x_(p.low), bottom_ - y_(p.y),
                series_fill(m.colour, "fill-opacity=\"0.7\""));
}

void FigurePainter::paint_box(const Mark& m) {
  const Point& p = m.points[0];
  const double half = std::min(26.0, std::abs(x_(1) - x_(0)) * 0.3);
  if (!x_.shows(p.x) || !y_.shows(p.q1) || !y_.shows(p.q3)) return;
  whisker(x_(p.x), p.low, p.high, series_stroke(m.colour, "stroke-width=\"1.5\""), half / 2);
  out_.rect(x_(p.x) - half, y_(p.q3), 2 * half, y_(p.q1) - y_(p.q3), paper_fill());
  out_.rect(x_(p.x) - half, y_(p.q3), 2 * half, y_(p.q1) - y_(p.q3),
            series_stroke(m.colour, "stroke-width=\"2\" fill=\"none\""));
  out_.line(x_(p.x) - half, y_(p.y), x_(p.x) + half, y_(p.y),
            series_stroke(m.colour, "stroke-width=\"3\""));
}

}  // namespace sonde::experiments
