#include "experiments/common/figure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "analysis/statistics.hpp"
#include "experiments/common/csv.hpp"
#include "tensor/error.hpp"

namespace sonde::experiments {
namespace {

void check_sizes(std::string_view mark, std::size_t a, std::size_t b) {
  if (a != b) fail(ErrorCode::shape, "figure", "{}: {} x values, {} y values", mark, a, b);
}

}  // namespace

Figure::Figure(std::string name, std::string title, Axis x, Axis y)
    : name_(std::move(name)), title_(std::move(title)), x_(std::move(x)), y_(std::move(y)) {
  constexpr std::string_view allowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  if (name_.empty() || name_.find_first_not_of(allowed) != std::string::npos)
    fail(ErrorCode::value, "figure", "'{}' is not a plain file name", name_);
}

void Figure::colour_order(std::vector<std::string> labels) {
  colour_order_ = std::move(labels);
  for (Mark& m : marks_) m.colour = colour_of(m.label);
}

// Labels without a place in the order have the colours after it, by first appearance.
int Figure::colour_of(const std::string& label) const {
  const auto place = std::ranges::find(colour_order_, label);
  if (place != colour_order_.end()) return static_cast<int>(place - colour_order_.begin());
  std::vector<std::string> others;
  for (const Mark& m : marks_) {
    if (m.label == label) break;
    if (m.kind == Kind::level || m.kind == Kind::upright) continue;
    if (std::ranges::find(colour_order_, m.label) == colour_order_.end() &&
        std::ranges::find(others, m.label) == others.end())
      others.push_back(m.label);
  }
  return static_cast<int>(colour_order_.size() + others.size());
}

void Figure::add(Kind kind, std::string label, std::vector<Point> points) {
  if (!y_.categories.empty() && kind != Kind::bars)
    fail(ErrorCode::value, "figure", "'{}': beside lying bars there is no {}", name_,
         kind_name(kind));
  if (!marks_.empty() && (marks_[0].kind == Kind::heat_map) != (kind == Kind::heat_map))
    fail(ErrorCode::value, "figure", "'{}': maps and other marks are figures of their own", name_);
  const int colour = colour_of(label);
  marks_.push_back({kind, std::move(label), std::move(points), colour});
}

void Figure::line(std::string label, std::span<const double> x, std::span<const double> y) {
  check_sizes("line", x.size(), y.size());
  std::vector<Point> points;
  for (std::size_t i = 0; i < x.size(); ++i) points.push_back({.x = x[i], .y = y[i]});
  add(Kind::line, std::move(label), std::move(points));
}

void Figure::band(std::string label, std::span<const double> x, std::span<const double> low,
                  std::span<const double> high) {
  check_sizes("band", x.size(), low.size());
  check_sizes("band", x.size(), high.size());
  std::vector<Point> points;
  for (std::size_t i = 0; i < x.size(); ++i)
    points.push_back({.x = x[i], .low = low[i], .high = high[i]});
  add(Kind::band, std::move(label), std::move(points));
}

void Figure::scatter(std::string label, std::span<const double> x, std::span<const double> y) {
  check_sizes("scatter", x.size(), y.size());
  std::vector<Point> points;
  for (std::size_t i = 0; i < x.size(); ++i) points.push_back({.x = x[i], .y = y[i]});
  add(Kind::scatter, std::move(label), std::move(points));
}

void Figure::estimates(std::string label, std::span<const double> x, std::span<const Estimate> y) {
  check_sizes("estimates", x.size(), y.size());
  std::vector<Point> points;
  for (std::size_t i = 0; i < x.size(); ++i) {
    points.push_back({.x = x[i], .y = y[i].value});
    if (y[i].ci95) points.back().low = y[i].ci95->low, points.back().high = y[i].ci95->high;
  }
  add(Kind::estimates, std::move(label), std::move(points));
}

void Figure::bars(std::string label, std::span<const Estimate> y) {
  std::vector<Point> points;
  for (const Estimate& e : y) {
    points.push_back({.x = static_cast<double>(points.size()), .y = e.value});
    if (e.ci95) points.back().low = e.ci95->low, points.back().high = e.ci95->high;
  }
  add(Kind::bars, std::move(label), std::move(points));
}

Histogram histogram_of(std::span<const double> values, int bins) {
  if (bins < 1) fail(ErrorCode::value, "figure", "histogram of {} bins", bins);
  std::vector<double> finite;
  std::copy_if(values.begin(), values.end(), std::back_inserter(finite),
               [](double v) { return std::isfinite(v); });
  if (finite.empty()) return {};
  const auto [least, greatest] = std::minmax_element(finite.begin(), finite.end());
  Histogram h{.low = *least,
              .width = *greatest > *least ? (*greatest - *least) / bins : 1,
              .counts = std::vector<double>(static_cast<std::size_t>(bins))};
  for (const double v : finite)
    ++h.counts[std::min(static_cast<std::size_t>((v - h.low) / h.width), h.counts.size() - 1)];
  return h;
}

void Figure::histogram(std::string label, const Histogram& h) {
  std::vector<Point> points;
  for (std::size_t i = 0; i < h.counts.size(); ++i) {
    const auto b = static_cast<double>(i);
    points.push_back({.x = h.low + (b + 0.5) * h.width,
                      .y = h.counts[i],
                      .low = h.low + b * h.width,
                      .high = h.low + (b + 1) * h.width});
  }
  add(Kind::histogram, std::move(label), std::move(points));
}

void Figure::box(std::string label, double x, std::span<const double> sample) {
  const double q1 = quantile(sample, 0.25), q3 = quantile(sample, 0.75), reach = 1.5 * (q3 - q1);
  double low = q1, high = q3;
  for (double v : sample) {
    if (v >= q1 - reach) low = std::min(low, v);
    if (v <= q3 + reach) high = std::max(high, v);
  }
  add(Kind::box, std::move(label),
      {{.x = x, .y = quantile(sample, 0.5), .low = low, .high = high, .q1 = q1, .q3 = q3}});
}

void Figure::heat_map(std::string label, std::int64_t rows, std::int64_t columns,
                      std::span<const double> values) {
  if (rows < 1 || columns < 1 || static_cast<std::size_t>(rows * columns) != values.size())
    fail(ErrorCode::shape, "figure", "heat map of {} x {} has {} values", rows, columns,
         values.size());
  std::vector<Point> points;
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c)
      points.push_back({.x = static_cast<double>(c),
                        .y = static_cast<double>(r),
                        .value = values[static_cast<std::size_t>(r * columns + c)]});
  add(Kind::heat_map, std::move(label), std::move(points));
}

void Figure::level(std::string label, double y) {
  add(Kind::level, std::move(label), {{.y = y}});
}

void Figure::upright(std::string label, double x) {
  add(Kind::upright, std::move(label), {{.x = x}});
}

std::string_view Figure::kind_name(Kind kind) {
  constexpr std::string_view names[] = {"line",      "band", "scatter",  "estimate", "bar",
                                        "histogram", "box",  "heat map", "level",    "upright"};
  return names[static_cast<int>(kind)];
}

Table Figure::table() const {
  // Bars have their category as x even when they lie.
  const auto& categories = y_.categories.empty() ? x_.categories : y_.categories;
  Table out{.columns = {"series", "mark", "x", "y", "low", "high", "q1", "q3", "value"},
            .rows = {}};
  for (const Mark& mark : marks_)
    for (const Point& p : mark.points) {
      const bool named = p.x >= 0 && static_cast<std::size_t>(p.x) < categories.size();
      out.add({mark.label, std::string(kind_name(mark.kind)),
               named ? categories[static_cast<std::size_t>(p.x)] : csv_number(p.x), csv_number(p.y),
               csv_number(p.low), csv_number(p.high), csv_number(p.q1), csv_number(p.q3),
               csv_number(p.value)});
    }
  return out;
}

}  // namespace sonde::experiments
