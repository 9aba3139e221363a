/// @file
/// FigurePainter, MapPainter: draw a Figure as SVG. For figure.cpp alone.
#pragma once

#include "experiments/common/figure.hpp"
#include "experiments/common/svg.hpp"

namespace sonde::experiments {

/// The page that figures share: 340 units wide, so that text of 12 units still has 11 pixels on a
/// phone of 360.
struct FigurePage {
  static constexpr double width = 340, margin = 10, right = 326;
  static constexpr double title_size = 14, title_line = 18, text_size = 12, text_line = 18;
};

/// A Figure with axes; lives as long as one call of svg().
class FigurePainter {
 public:
  explicit FigurePainter(const Figure& figure);
  std::string paint();

 private:
  using Kind = Figure::Kind;
  using Mark = Figure::Mark;
  using Point = Figure::Point;
  struct Entry {
    double x, y;
    const Mark* mark;
  };
  struct Tick {
    double at;
    std::string label;
  };

  // Layout.
  bool lying() const { return !f_.y_.categories.empty(); }
  double bar_groups() const;
  double plot_height() const;
  Scale x_scale(double from, double to) const;
  Scale y_scale(double from, double to) const;
  std::vector<Entry> placed_legend() const;
  double legend_bottom() const;
  double left_margin() const;
  std::string described() const;
  static std::vector<Tick> ticks(const Axis& axis, const Scale& scale);
  std::vector<Tick> x_ticks() const;

  // Around the data.
  void paint_legend();
  void paint_sample(const Entry& entry);
  void paint_x_axis();
  void paint_y_axis();

  // The data; see figure_marks.cpp.
  void paint_mark(const Mark& m);
  void paint_line(const Mark& m);
  void paint_band(const Mark& m);
  void paint_points(const Mark& m, double radius);
  void paint_estimates(const Mark& m);
  void paint_bars(const Mark& m);
  void paint_bar(const Mark& m, const Point& p, double from, double to);
  void paint_histogram(const Mark& m);
  void paint_box(const Mark& m);
  void paint_shape(const Mark& m, double x, double y, double radius);
  void rule(double x1, double y1, double x2, double y2);
  void whisker(double x, double low, double high, const std::string& style, double cap);
  std::string bar_fill(const Mark& m) const;

  const Figure& f_;
  const std::vector<std::string> title_;
  const std::vector<Entry> legend_;
  const double left_, top_, bottom_;
  const Scale x_, y_;
  SvgWriter out_;
};

/// A Figure of heat maps, likewise.
class MapPainter {
 public:
  explicit MapPainter(const Figure& figure);
  std::string paint();

 private:
  using Mark = Figure::Mark;
  struct Range {
    double low, high;
  };
  static Range range_of(const Mark& m);
  Range range() const;
  int columns() const;
  double panel_height() const;
  double label_height() const;
  double height() const;
  std::string described() const;
  void paint_key();
  void paint_panel(const Mark& m, double x, double y);
  double part(double value) const;

  const Figure& f_;
  const std::vector<std::string> title_;
  const Range range_;
  const double left_, top_, panel_;
  SvgWriter out_;
};

}  // namespace sonde::experiments
