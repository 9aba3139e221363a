#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "experiments/common/figure.hpp"
#include "experiments/common/svg.hpp"

namespace sonde::experiments {
namespace {

// Sizes in user units. A figure is 480 wide so that its text stays readable when a phone shows it
// at 340 pixels.
constexpr double width = 480, left = 62, right = 466, bottom_margin = 46, plot_height = 226;
constexpr double title_line = 18, legend_line = 18, character = 6.6;
constexpr std::string_view ink = "fill=\"#222\"", faint = "fill=\"#555\" font-size=\"12\"";

std::vector<std::string> wrapped(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const auto space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > columns)
      lines.emplace_back();
    lines.back().append(lines.back().empty() ? "" : " ").append(word);
    text = space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
  }
  return lines;
}

std::string fill(std::string_view colour, std::string_view more = "") {
  return "fill=\"" + std::string(colour) + "\" " + std::string(more);
}

std::string stroke(std::string_view colour, std::string_view more = "stroke-width=\"2\"") {
  return "stroke=\"" + std::string(colour) + "\" " + std::string(more);
}

// Two digits without the leading zero, so that seven cells fit side by side.
std::string cell_label(double v) {
  const std::string label = number_label(v, 2);
  return label.starts_with("0.") ? label.substr(1) : label;
}

// The least and greatest of the values that an axis can show.
class Range {
 public:
  explicit Range(const Axis& axis) : log_(axis.log) {
    if (axis.from_zero && !log_) cover(0);
    if (!axis.categories.empty())
      cover(-0.5), cover(static_cast<double>(axis.categories.size()) - 0.5);
  }
  void cover(double v) {
    if (!std::isfinite(v) || (log_ && v <= 0)) return;
    low_ = std::min(low_, v);
    high_ = std::max(high_, v);
  }
  Scale scale(double from, double to, bool round) const {
    const bool none = low_ > high_;
    const double low = none ? (log_ ? 1 : 0) : low_, high = none ? (log_ ? 10 : 1) : high_;
    return round ? Scale::rounded(low, high, from, to, log_) : Scale(low, high, from, to, log_);
  }

 private:
  bool log_;
  double low_ = std::numeric_limits<double>::infinity(), high_ = -low_;
};

}  // namespace

/// Draws one Figure; lives as long as one call of svg().
class FigurePainter {
 public:
  explicit FigurePainter(const Figure& figure)
      : f_(figure),
        title_(wrapped(figure.title_, 58)),
        legend_(place_legend()),
        top_(12 + title_line * static_cast<double>(title_.size()) + legend_height_),
        bottom_(top_ + plot_height),
        x_(x_range().scale(left, is_map() ? left + map_width() : right, false)),
        y_(is_map() ? y_range().scale(top_, bottom_, false) : y_range().scale(bottom_, top_, true)),
        out_(width, bottom_ + bottom_margin, figure.title_, describe()) {}

  std::string paint() {
    for (std::size_t i = 0; i < title_.size(); ++i)
      out_.text(12, 20 + title_line * static_cast<double>(i), "start",
                "font-size=\"14\" font-weight=\"600\" fill=\"#222\"", title_[i]);
    paint_legend();
    paint_axes();
    out_.begin_clip("clip-" + f_.name_, left, top_ - 1, right - left, plot_height + 2);
    for (const auto& mark : f_.marks_) paint_mark(mark);
    out_.end_clip();
    return out_.finish();
  }

 private:
  using Kind = Figure::Kind;
  using Mark = Figure::Mark;
  struct Entry {
    double x, y;
    const Mark* mark;
  };

  bool is_map() const { return !f_.marks_.empty() && f_.marks_.front().kind == Kind::heat_map; }

  // As wide as makes the cells square, if there is room.
  double map_width() const {
    const auto& last = f_.marks_.front().points.back();
    return std::min(right - left, plot_height * (last.x + 1) / (last.y + 1));
  }

  std::string describe() const {
    std::string text = f_.y_.label + " against " + f_.x_.label;
    for (const Entry& e : legend_) text += "; " + e.mark->label;
    return text;
  }

  Range x_range() const {
    Range r(f_.x_);
    for (const Mark& m : f_.marks_)
      for (const auto& p : m.points) {
        if (m.kind == Kind::histogram)
          r.cover(p.low), r.cover(p.high);
        else if (m.kind == Kind::heat_map || m.kind == Kind::bars)
          r.cover(p.x - 0.5), r.cover(p.x + 0.5);
        else
          r.cover(p.x);
      }
    return r;
  }

  Range y_range() const {
    Range r(f_.y_);
    for (const Mark& m : f_.marks_)
      for (const auto& p : m.points) {
        if (m.kind == Kind::histogram)
          r.cover(0), r.cover(p.y);
        else if (m.kind == Kind::heat_map)
          r.cover(p.y - 0.5), r.cover(p.y + 0.5);
        else
          r.cover(p.y), r.cover(p.low), r.cover(p.high);
        if (m.kind == Kind::bars) r.cover(0);
      }
    return r;
  }

  // Entries flow from left to right below the title, one for each label.
  std::vector<Entry> place_legend() {
    std::vector<Entry> entries;
    std::set<std::string> seen{""};
    double x = 12, y = 12 + title_line * static_cast<double>(title_.size()) + 4;
    for (const Mark& m : f_.marks_) {
      if (m.kind == Kind::heat_map || !seen.insert(m.label).second) continue;
      const double needed = 34 + character * static_cast<double>(m.label.size());
      if (x > 12 && x + needed > right) x = 12, y += legend_line;
      entries.push_back({x, y, &m});
      x += needed;
    }
    const double lines = entries.empty() ? 0 : entries.back().y - entries.front().y + legend_line;
    legend_height_ = is_map() ? legend_line + 10 : entries.empty() ? 8 : lines + 10;
    return entries;
  }

  void paint_legend() {
    for (const Entry& e : legend_) {
      const auto colour = series_colour(e.mark->colour);
      if (e.mark->kind == Kind::level)
        out_.line(e.x, e.y, e.x + 16, e.y,
                  stroke(colour, "stroke-width=\"1.5\" stroke-dasharray=\"5 4\""));
      else if (e.mark->kind == Kind::line)
        out_.line(e.x, e.y, e.x + 16, e.y, stroke(colour, "stroke-width=\"2.5\""));
      else
        out_.rect(e.x + 3, e.y - 5, 10, 10, fill(colour, "rx=\"2\""));
      out_.text(e.x + 21, e.y + 4, "start", faint, e.mark->label);
    }
    if (is_map()) paint_colour_key(f_.marks_.front());
  }

  void paint_axes() {
    for (double t : y_ticks()) {
      if (!is_map()) out_.line(left, y_(t), right, y_(t), "stroke=\"#e3e3e3\"");
      out_.text(left - 7, y_(t) + 4, "end", faint, axis_label(f_.y_, y_, t));
    }
    for (double t : x_ticks()) {
      if (f_.x_.categories.empty() && !is_map())
        out_.line(x_(t), bottom_, x_(t), bottom_ + 4, "stroke=\"#888\"");
      out_.text(x_(t), bottom_ + 17, "middle", faint, axis_label(f_.x_, x_, t));
    }
    if (!is_map()) out_.line(left, bottom_, right, bottom_, "stroke=\"#888\"");
    out_.text(is_map() ? left + map_width() / 2 : (left + right) / 2, bottom_ + 37, "middle",
              "fill=\"#222\" font-size=\"12.5\"", f_.x_.label);
    out_.vertical_text(15, (top_ + bottom_) / 2, "fill=\"#222\" font-size=\"12.5\"", f_.y_.label);
  }

  std::vector<double> y_ticks() const { return ticks(f_.y_, y_); }
  std::vector<double> x_ticks() const { return ticks(f_.x_, x_); }
  static std::vector<double> ticks(const Axis& axis, const Scale& scale) {
    if (axis.categories.empty()) return scale.ticks();
    std::vector<double> all;
    for (std::size_t i = 0; i < axis.categories.size(); ++i) all.push_back(static_cast<double>(i));
    return all;
  }
  static std::string axis_label(const Axis& axis, const Scale& scale, double t) {
    return axis.categories.empty() ? scale.label(t) : axis.categories[static_cast<std::size_t>(t)];
  }

  void paint_mark(const Mark& m) {
    switch (m.kind) {
      case Kind::line:
        return paint_line(m);
      case Kind::band:
        return paint_band(m);
      case Kind::scatter:
        return paint_points(m, 3, "fill-opacity=\"0.75\"");
      case Kind::estimates:
        return paint_estimates(m);
      case Kind::bars:
        return paint_bars(m);
      case Kind::histogram:
        return paint_histogram(m);
      case Kind::box:
        return paint_box(m);
      case Kind::heat_map:
        return paint_map(m);
      case Kind::level:
        return out_.line(
            left, y_(m.points[0].y), right, y_(m.points[0].y),
            stroke(series_colour(m.colour), "stroke-width=\"1.5\" stroke-dasharray=\"5 4\""));
    }
  }

  // A value that cannot be shown breaks the line.
  void paint_line(const Mark& m) {
    std::vector<double> xy;
    auto flush = [&] {
      out_.path(xy, false,
                stroke(series_colour(m.colour), "stroke-width=\"2\" stroke-linejoin=\"round\""));
      xy.clear();
    };
    for (const auto& p : m.points)
      if (x_.shows(p.x) && y_.shows(p.y))
        xy.insert(xy.end(), {x_(p.x), y_(p.y)});
      else
        flush();
    flush();
  }

  void paint_band(const Mark& m) {
    std::vector<double> xy;
    auto shown = [&](const auto& p) {
      return x_.shows(p.x) && y_.shows(p.low) && y_.shows(p.high);
    };
    for (const auto& p : m.points)
      if (shown(p)) xy.insert(xy.end(), {x_(p.x), y_(p.high)});
    for (auto p = m.points.rbegin(); p != m.points.rend(); ++p)
      if (shown(*p)) xy.insert(xy.end(), {x_(p->x), y_(p->low)});
    out_.path(xy, true, fill(series_colour(m.colour), "fill-opacity=\"0.2\""));
  }

  void paint_points(const Mark& m, double radius, std::string_view style) {
    for (const auto& p : m.points)
      if (x_.shows(p.x) && y_.shows(p.y))
        out_.circle(x_(p.x), y_(p.y), radius, fill(series_colour(m.colour), style));
  }

  void whisker(double x, double low, double high, std::string_view colour, double cap) {
    if (!y_.shows(low) || !y_.shows(high)) return;
    out_.line(x, y_(low), x, y_(high), stroke(colour, "stroke-width=\"1.5\""));
    for (double v : {low, high})
      out_.line(x - cap, y_(v), x + cap, y_(v), stroke(colour, "stroke-width=\"1.5\""));
  }

  void paint_estimates(const Mark& m) {
    for (const auto& p : m.points)
      if (x_.shows(p.x)) whisker(x_(p.x), p.low, p.high, series_colour(m.colour), 4);
    paint_points(m, 4, "");
  }

  void paint_bars(const Mark& m) {
    // Calls of bars() share a category's width.
    double groups = 0, rank = 0;
    for (const Mark& other : f_.marks_)
      if (other.kind == Kind::bars) rank = &other == &m ? groups : rank, ++groups;
    const double step = 0.8 / groups;
    for (const auto& p : m.points) {
      if (!y_.shows(p.y) || !x_.shows(p.x - 0.4)) continue;
      const double from = x_(p.x - 0.4 + rank * step), to = x_(p.x - 0.4 + (rank + 0.92) * step);
      const double base = y_(f_.y_.log ? y_.low() : 0), height = y_(p.y);
      out_.rect(from, std::min(base, height), to - from, std::abs(base - height),
                fill(series_colour(m.colour), "fill-opacity=\"0.85\""));
      whisker((from + to) / 2, p.low, p.high, "#222", 4);
    }
  }

  void paint_histogram(const Mark& m) {
    for (const auto& p : m.points)
      if (x_.shows(p.low) && x_.shows(p.high) && y_.shows(p.y))
        out_.rect(x_(p.low), y_(p.y), x_(p.high) - x_(p.low), bottom_ - y_(p.y),
                  fill(series_colour(m.colour),
                       "fill-opacity=\"0.6\" stroke=\"#fff\" stroke-width=\"0.5\""));
  }

  void paint_box(const Mark& m) {
    const auto& p = m.points[0];
    const double half = std::min(26.0, (x_(1) - x_(0)) * 0.3);
    const auto colour = series_colour(m.colour);
    if (!x_.shows(p.x) || !y_.shows(p.q1) || !y_.shows(p.q3)) return;
    whisker(x_(p.x), p.low, p.high, colour, half / 2);
    out_.rect(x_(p.x) - half, y_(p.q3), 2 * half, y_(p.q1) - y_(p.q3),
              fill("#fff", stroke(colour)));
    out_.line(x_(p.x) - half, y_(p.y), x_(p.x) + half, y_(p.y),
              stroke(colour, "stroke-width=\"3\""));
  }

  static std::array<double, 2> limits(const Mark& m) {
    std::array<double, 2> range{std::numeric_limits<double>::infinity(),
                                -std::numeric_limits<double>::infinity()};
    for (const auto& p : m.points)
      if (std::isfinite(p.value))
        range = {std::min(range[0], p.value), std::max(range[1], p.value)};
    return range;
  }

  void paint_map(const Mark& m) {
    const auto [low, high] = limits(m);
    for (const auto& p : m.points) {
      if (!std::isfinite(p.value)) continue;
      const double part = high > low ? (p.value - low) / (high - low) : 0.5;
      out_.rect(x_(p.x - 0.5), y_(p.y - 0.5), x_(p.x + 0.5) - x_(p.x - 0.5) + 0.3,
                y_(p.y + 0.5) - y_(p.y - 0.5) + 0.3, fill(map_colour(part)));
      if (m.points.size() <= 100)
        out_.text(x_(p.x), y_(p.y) + 4, "middle",
                  fill(part > 0.6 ? "#111" : "#fff", "font-size=\"10.5\""), cell_label(p.value));
    }
  }

  void paint_colour_key(const Mark& m) {
    const auto [low, high] = limits(m);
    if (!(low <= high)) return;
    constexpr int steps = 32;
    const double y = 12 + title_line * static_cast<double>(title_.size()) + 4, x = left + 40,
                 length = 160;
    for (int i = 0; i < steps; ++i)
      out_.rect(x + length * i / steps, y - 5, length / steps + 0.3, 9,
                fill(map_colour((i + 0.5) / steps)));
    out_.text(x - 6, y + 4, "end", faint, number_label(low, 3));
    out_.text(x + length + 6, y + 4, "start", faint, number_label(high, 3) + "  " + m.label);
  }

  const Figure& f_;
  std::vector<std::string> title_;
  double legend_height_ = 0;
  std::vector<Entry> legend_;
  double top_, bottom_;
  Scale x_, y_;
  SvgWriter out_;
};

std::string Figure::svg() const {
  return FigurePainter(*this).paint();
}

}  // namespace sonde::experiments
