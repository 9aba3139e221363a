#include "experiments/common/figure_painter.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "experiments/common/palette.hpp"

namespace sonde::experiments {
namespace {

using Page = FigurePage;
constexpr double x_axis_height = 44, sample_width = 24, gap = 12;

std::string size(double s) {
  return " font-size=\"" + coordinate(s) + "\"";
}

// The least and greatest of the values that an axis can show.
class Range {
 public:
  explicit Range(const Axis& axis) : axis_(axis) {
    if (axis.from_zero && !axis.log) cover(0);
    if (!axis.categories.empty())
      cover(-0.5), cover(static_cast<double>(axis.categories.size()) - 0.5);
  }
  void cover(double v) {
    if (!std::isfinite(v) || (axis_.log && v <= 0)) return;
    low_ = std::min(low_, v);
    high_ = std::max(high_, v);
  }
  // Ends at round ticks, except where there are categories or ticks to show.
  Scale scale(double from, double to) const {
    const bool none = low_ > high_, exact = !axis_.categories.empty() || !axis_.ticks.empty();
    const double low = none ? (axis_.log ? 1 : 0) : low_,
                 high = none ? (axis_.log ? 10 : 1) : high_;
    return exact ? Scale(low, high, from, to, axis_.log)
                 : Scale::rounded(low, high, from, to, axis_.log);
  }

 private:
  const Axis& axis_;
  double low_ = std::numeric_limits<double>::infinity(), high_ = -low_;
};

}  // namespace

FigurePainter::FigurePainter(const Figure& figure)
    : f_(figure),
      title_(wrapped(figure.title_, Page::width - 2 * Page::margin, Page::title_size * 1.06)),
      legend_(placed_legend()),
      left_(left_margin()),
      top_(legend_bottom() + 8),
      bottom_(top_ + plot_height()),
      x_(x_scale(left_, Page::right)),
      y_(lying() ? y_scale(top_, bottom_) : y_scale(bottom_, top_)),
      out_(Page::width, bottom_ + x_axis_height, figure.title_, described()) {}

std::string FigurePainter::paint() {
  for (std::size_t i = 0; i < title_.size(); ++i)
    out_.text(Page::margin, 20 + Page::title_line * static_cast<double>(i), "start",
              ink_fill() + size(Page::title_size) + " font-weight=\"600\"", title_[i]);
  paint_legend();
  paint_y_axis();
  paint_x_axis();
  for (const Mark& mark : f_.marks_) paint_mark(mark);
  return out_.finish();
}

double FigurePainter::bar_groups() const {
  return static_cast<double>(
      std::ranges::count(f_.marks_, Kind::bars, [](const Mark& m) { return m.kind; }));
}

double FigurePainter::plot_height() const {
  if (!lying()) return 200;
  return static_cast<double>(f_.y_.categories.size()) * std::max(26.0, 11 * bar_groups() + 10);
}

std::string FigurePainter::described() const {
  std::string text = lying() ? f_.x_.label : f_.y_.label + " against " + f_.x_.label;
  for (const Entry& e : legend_) text += "; " + e.mark->label;
  return text + ". The numbers are in " + f_.name_ + ".csv.";
}

Scale FigurePainter::x_scale(double from, double to) const {
  Range r(f_.x_);
  for (const Mark& m : f_.marks_)
    for (const Point& p : m.points) {
      if (m.kind == Kind::histogram)
        r.cover(p.low), r.cover(p.high);
      else if (lying())
        r.cover(0), r.cover(p.y), r.cover(p.low), r.cover(p.high);
      else if (m.kind == Kind::bars)
        r.cover(p.x - 0.5), r.cover(p.x + 0.5);
      else
        r.cover(p.x);
    }
  return r.scale(from, to);
}

Scale FigurePainter::y_scale(double from, double to) const {
  Range r(f_.y_);
  for (const Mark& m : f_.marks_)
    for (const Point& p : m.points) {
      if (lying()) continue;
      r.cover(p.y);
      if (m.kind != Kind::histogram) r.cover(p.low), r.cover(p.high);
      if (m.kind == Kind::histogram || m.kind == Kind::bars) r.cover(0);
    }
  return r.scale(from, to);
}

// Entries flow from left to right below the title, one for each label.
std::vector<FigurePainter::Entry> FigurePainter::placed_legend() const {
  std::vector<Entry> entries;
  std::set<std::string> seen{""};
  double x = Page::margin, y = 26 + Page::title_line * static_cast<double>(title_.size());
  for (const Mark& m : f_.marks_) {
    if (!seen.insert(m.label).second) continue;
    const double needed = sample_width + 5 + text_width(m.label, Page::text_size) + gap;
    if (x > Page::margin && x + needed - gap > Page::right) x = Page::margin, y += Page::text_line;
    entries.push_back({x, y, &m});
    x += needed;
  }
  return entries;
}

double FigurePainter::legend_bottom() const {
  return legend_.empty() ? 12 + Page::title_line * static_cast<double>(title_.size())
                         : legend_.back().y + 8;
}

// Room for the axis label and the ticks, but no more than leaves half the figure to the data.
double FigurePainter::left_margin() const {
  double widest = 0;
  for (const Tick& t : ticks(f_.y_, y_scale(1, 0)))
    widest = std::max(widest, text_width(t.label, Page::text_size));
  return std::min((f_.y_.label.empty() ? 6.0 : 24.0) + widest + 8, Page::width * 0.45);
}

std::vector<FigurePainter::Tick> FigurePainter::ticks(const Axis& axis, const Scale& scale) {
  std::vector<Tick> out;
  for (std::size_t i = 0; i < axis.categories.size(); ++i)
    out.push_back({static_cast<double>(i), axis.categories[i]});
  if (!out.empty()) return out;
  for (double t : axis.ticks.empty() ? scale.ticks() : axis.ticks)
    if (scale.shows(t)) out.push_back({t, scale.label(t)});
  return out;
}

// Every tick, or every second, third, ... so that the labels of numbers do not touch.
std::vector<FigurePainter::Tick> FigurePainter::x_ticks() const {
  const std::vector<Tick> all = ticks(f_.x_, x_);
  if (!f_.x_.categories.empty()) return all;
  for (std::size_t step = 1;; ++step) {
    std::vector<Tick> kept;
    for (std::size_t i = 0; i < all.size(); i += step) kept.push_back(all[i]);
    const auto touch = [&](const Tick& a, const Tick& b) {
      return x_(b.at) - x_(a.at) <
             text_width(a.label + b.label, Page::text_size) / 2 + Page::text_size / 2;
    };
    if (std::ranges::adjacent_find(kept, touch) == kept.end()) return kept;
  }
}

void FigurePainter::paint_legend() {
  for (const Entry& e : legend_) {
    paint_sample(e);
    out_.fitted_text(e.x + sample_width + 5, e.y + 4, "start", Page::text_size,
                     Page::right - e.x - sample_width - 5, faint_fill(), e.mark->label);
  }
}

void FigurePainter::paint_sample(const Entry& e) {
  const double middle = e.x + sample_width / 2;
  switch (e.mark->kind) {
    case Kind::level:
    case Kind::upright:
      return rule(e.x, e.y, e.x + sample_width, e.y);
    case Kind::line:
    case Kind::band:
      out_.line(e.x, e.y, e.x + sample_width, e.y, line_stroke(e.mark->colour, 2));
      [[fallthrough]];
    case Kind::scatter:
    case Kind::estimates:
      return paint_shape(*e.mark, middle, e.y, 3.6);
    default:
      return out_.rect(middle - 6, e.y - 6, 12, 12, bar_fill(*e.mark));
  }
}

void FigurePainter::paint_y_axis() {
  for (const Tick& t : ticks(f_.y_, y_)) {
    if (!lying()) out_.line(left_, y_(t.at), Page::right, y_(t.at), grid_stroke());
    out_.fitted_text(left_ - 6, y_(t.at) + 4, "end", Page::text_size,
                     left_ - (f_.y_.label.empty() ? 8 : 26), lying() ? ink_fill() : faint_fill(),
                     t.label);
  }
  if (f_.y_.label.empty()) return;
  out_.vertical_text(15, (top_ + bottom_) / 2, ink_fill() + size(Page::text_size),
                     shortened(f_.y_.label, bottom_ - top_, Page::text_size));
}

void FigurePainter::paint_x_axis() {
  const auto count = static_cast<double>(std::max<std::size_t>(f_.x_.categories.size(), 1));
  const double slot = f_.x_.categories.empty() ? 80 : (Page::right - left_) / count - 4;
  for (const Tick& t : x_ticks()) {
    const double half = std::min(text_width(t.label, Page::text_size), slot) / 2;
    if (f_.x_.categories.empty())
      out_.line(x_(t.at), bottom_, x_(t.at), lying() ? top_ : bottom_ + 4,
                lying() ? grid_stroke() : axis_stroke());
    out_.fitted_text(std::min(x_(t.at), Page::width - 2 - half), bottom_ + 17, "middle",
                     Page::text_size, slot, faint_fill(), t.label);
  }
  if (lying())
    out_.line(x_(0), top_, x_(0), bottom_, axis_stroke());
  else
    out_.line(left_, bottom_, Page::right, bottom_, axis_stroke());
  const double room = Page::right - left_, needed = text_width(f_.x_.label, Page::text_size);
  // Centred under the data, or under the figure if it is longer.
  out_.fitted_text(needed > room ? Page::width / 2 : (left_ + Page::right) / 2, bottom_ + 36,
                   "middle", Page::text_size, Page::width - 2 * Page::margin, ink_fill(),
                   f_.x_.label);
}

std::string Figure::svg() const {
  if (!marks_.empty() && marks_.front().kind == Kind::heat_map) return MapPainter(*this).paint();
  return FigurePainter(*this).paint();
}

}  // namespace sonde::experiments
