// Heat maps side by side on one colour scale.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/common/figure_painter.hpp"
#include "experiments/common/palette.hpp"

namespace sonde::experiments {
namespace {

using Page = FigurePage;
constexpr double gap = 10, key_height = 38, layer_opacity = 0.68;

std::string layer(bool translucent) {
  return translucent ? fmt::format(" fill-opacity=\"{}\"", layer_opacity) : "";
}

// Two digits without the leading zero, so that seven cells fit side by side.
std::string cell_label(double v) {
  const std::string label = number_label(v, 2);
  return label.starts_with("0.") ? label.substr(1) : label;
}

}  // namespace

MapPainter::MapPainter(const Figure& figure)
    : f_(figure),
      title_(wrapped(figure.title_, Page::width - 2 * Page::margin, Page::title_size * 1.06)),
      range_(range()),
      left_(f_.y_.label.empty() ? Page::margin : 24),
      top_(14 + Page::title_line * static_cast<double>(title_.size()) + key_height),
      panel_((Page::right - left_ - gap * (columns() - 1)) / columns()),
      out_(Page::width, height(), figure.title_, described()) {}

std::string MapPainter::paint() {
  for (std::size_t i = 0; i < title_.size(); ++i)
    out_.text(Page::margin, 20 + Page::title_line * static_cast<double>(i), "start",
              ink_fill() + " font-size=\"14\" font-weight=\"600\"", title_[i]);
  if (f_.background_) out_.define_picture("picture-" + f_.name_, png(*f_.background_));
  paint_key();
  for (std::size_t i = 0; i < f_.marks_.size(); ++i) {
    const auto row = static_cast<double>(i / static_cast<std::size_t>(columns()));
    const auto column = static_cast<double>(i % static_cast<std::size_t>(columns()));
    paint_panel(f_.marks_[i], left_ + column * (panel_ + gap),
                top_ + row * (panel_height() + label_height() + gap));
  }
  out_.fitted_text((left_ + Page::right) / 2, height() - 10, "middle", Page::text_size,
                   Page::right - left_, faint_fill(), f_.x_.label);
  if (!f_.y_.label.empty())
    out_.vertical_text(15, (top_ + height() - 28) / 2, faint_fill() + " font-size=\"12\"",
                       shortened(f_.y_.label, height() - 28 - top_, Page::text_size));
  return out_.finish();
}

MapPainter::Range MapPainter::range_of(const Mark& m) {
  Range r{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (const auto& p : m.points)
    if (std::isfinite(p.value)) r = {std::min(r.low, p.value), std::max(r.high, p.value)};
  return r;
}

MapPainter::Range MapPainter::range() const {
  Range all = range_of({});
  for (const Mark& m : f_.marks_) {
    const Range r = range_of(m);
    all = {std::min(all.low, r.low), std::max(all.high, r.high)};
  }
  if (all.low <= all.high && f_.colour_.from_zero) all.low = std::min(all.low, 0.0);
  return all;
}

double MapPainter::part(double value) const {
  return range_.high > range_.low ? (value - range_.low) / (range_.high - range_.low) : 0.5;
}

int MapPainter::columns() const {
  return f_.marks_.size() == 1 ? 1 : f_.marks_.size() <= 4 ? 2 : 3;
}

// The first panel's shape is that of all.
double MapPainter::panel_height() const {
  const auto& last = f_.marks_.front().points.back();
  return panel_ * (last.y + 1) / (last.x + 1);
}

double MapPainter::label_height() const {
  return f_.marks_.size() > 1 ? 34 : 0;
}

double MapPainter::height() const {
  const auto rows =
      static_cast<double>((f_.marks_.size() - 1) / static_cast<std::size_t>(columns()) + 1);
  return top_ + rows * (panel_height() + label_height() + gap) - gap + 28;
}

std::string MapPainter::described() const {
  std::string text = f_.colour_.label + " by place";
  for (const Mark& m : f_.marks_) text += "; " + m.label;
  return text + ". The numbers are in " + f_.name_ + ".csv.";
}

// Over a picture the layer is translucent; the key then shows it over white and over black.
void MapPainter::paint_key() {
  if (range_.low > range_.high) return;
  constexpr int steps = 40;
  const double x = Page::margin, y = top_ - key_height - 4, length = 120;
  if (f_.background_) {
    out_.rect(x, y, length, 6, "fill=\"#fff\"");
    out_.rect(x, y + 6, length, 6, "fill=\"#000\"");
  }
  for (int i = 0; i < steps; ++i)
    out_.rect(x + length * i / steps, y, length / steps, 12,
              fmt::format("fill=\"{}\"{} shape-rendering=\"crispEdges\"",
                          map_colour((i + 0.5) / steps), layer(f_.background_.has_value())));
  const std::string low = number_label(range_.low, 3), high = number_label(range_.high, 3);
  const std::string style = faint_fill() + " font-size=\"12\"";
  out_.text(x, y + 25, "start", style, low);
  out_.text(x + length, y + 25, "end", style, high);
  out_.fitted_text(x + length + 12, y + 11, "start", Page::text_size, Page::right - x - length - 12,
                   faint_fill(), f_.colour_.label);
}

void MapPainter::paint_panel(const Mark& m, double x, double y) {
  const auto& last = m.points.back();
  const double width = panel_ / (last.x + 1), height = panel_height() / (last.y + 1);
  const bool several = f_.marks_.size() > 1;
  const double top = y + label_height();
  if (several) {
    const Range own = range_of(m);
    out_.fitted_text(x, y + 12, "start", Page::text_size, panel_, ink_fill(), m.label);
    if (own.low <= own.high)
      out_.fitted_text(x, y + 28, "start", Page::text_size, panel_, faint_fill(),
                       fmt::format("at most {}", number_label(own.high, 2)));
  }
  if (f_.background_) out_.picture("picture-" + f_.name_, x, top, panel_, panel_height());
  const bool labels = !several && !f_.background_ && width >= 30;
  for (const auto& p : m.points) {
    if (!std::isfinite(p.value)) continue;
    const std::string colour = map_colour(part(p.value));
    out_.rect(x + p.x * width, top + p.y * height, width, height,
              fmt::format("fill=\"{}\"{} shape-rendering=\"crispEdges\"", colour,
                          layer(f_.background_.has_value())));
    if (labels)
      out_.text(x + (p.x + 0.5) * width, top + (p.y + 0.5) * height + 4, "middle",
                fmt::format("font-size=\"12\" fill=\"{}\"",
                            contrast(colour, "#000000") > contrast(colour, "#ffffff") ? "#000000"
                                                                                      : "#ffffff"),
                cell_label(p.value));
  }
}

}  // namespace sonde::experiments
