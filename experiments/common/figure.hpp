/// @file
/// Figure: data with marks, drawn as SVG and written as CSV.
#pragma once

#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/estimate.hpp"
#include "experiments/common/csv.hpp"
#include "experiments/common/picture.hpp"

namespace sonde::experiments {

/// One axis. With `categories` it counts 0, 1, 2, ... and shows their names instead of numbers; on
/// the y axis, bars then lie, the first on top, and nothing but bars can be drawn.
struct Axis {
  std::string label;
  bool log = false;
  std::vector<std::string> categories{};
  bool from_zero = false;       ///< a linear axis that starts at 0 whatever the data
  std::vector<double> ticks{};  ///< in place of round numbers
};

/// Counts of values in equal bins: bin b holds those from low + b width on.
struct Histogram {
  double low = 0, width = 0;
  std::vector<double> counts{};
};
/// Of the finite ones, in bins between their least and their greatest; none if there are none.
/// Error(value) unless `bins` is positive.
Histogram histogram_of(std::span<const double> values, int bins);

/// A figure of one pair of axes, or of heat maps side by side. Marks are drawn in the order they
/// were added; marks of the same label share a colour, a dash, a shape and one entry in the legend,
/// an empty label has none. Values that are not finite, or not positive on a log axis, are left out
/// of the picture and kept in the CSV.
class Figure {
 public:
  /// `name` is the file's name without ending: letters, digits, '_' and '-'; Error(value)
  /// otherwise.
  Figure(std::string name, std::string title, Axis x, Axis y);

  /// The colours of these labels in this order, drawn or not: figures given the same list agree.
  void colour_order(std::vector<std::string> labels);
  /// Steps of one hue instead of colours to tell apart: for series that are in order.
  void use_tones() { tones_ = true; }

  // In each of these, spans must have equal sizes; Error(shape) otherwise.
  void line(std::string label, std::span<const double> x, std::span<const double> y);
  /// The area between `low` and `high`.
  void band(std::string label, std::span<const double> x, std::span<const double> low,
            std::span<const double> high);
  void scatter(std::string label, std::span<const double> x, std::span<const double> y);
  /// Points with whiskers at their 95 % intervals (none where an estimate has none).
  void estimates(std::string label, std::span<const double> x, std::span<const Estimate> y);
  /// Bars from zero with whiskers, one for each category in [0, y.size()). Several calls stand side
  /// by side.
  void bars(std::string label, std::span<const Estimate> y);
  void histogram(std::string label, const Histogram& histogram);
  void histogram(std::string label, std::span<const double> values, int bins) {
    histogram(std::move(label), histogram_of(values, bins));
  }
  /// Median, quartiles and the farthest points within 1.5 times their distance, at category `x`.
  void box(std::string label, double x, std::span<const double> sample);
  /// Values [rows, columns], row-major, row 0 on top. Several maps are panels side by side, named
  /// by their labels, on one colour scale. A figure has either maps or other marks; Error(value)
  /// otherwise.
  void heat_map(std::string label, std::int64_t rows, std::int64_t columns,
                std::span<const double> values);
  /// The colour scale of the maps: its name, and whether it starts at 0 and not at the least value.
  void colour_scale(Axis axis) { colour_ = std::move(axis); }
  /// What the maps lie upon, as a translucent layer.
  void background(Picture picture) { background_ = std::move(picture); }
  /// A dashed line across the figure, at a value of y, of x.
  void level(std::string label, double y);
  void upright(std::string label, double x);

  const std::string& name() const { return name_; }
  const std::string& title() const { return title_; }
  /// A complete SVG document; the same data gives the same bytes.
  std::string svg() const;
  /// Everything drawn, one row a point: series, mark, x, y, low, high, q1, q3, value (empty where a
  /// mark has none).
  Table table() const;
  std::string csv() const { return table().csv(); }

 private:
  friend class FigurePainter;
  friend class MapPainter;
  static constexpr double none = std::numeric_limits<double>::quiet_NaN();
  enum class Kind {
    line,
    band,
    scatter,
    estimates,
    bars,
    histogram,
    box,
    heat_map,
    level,
    upright
  };
  struct Point {
    double x = none, y = none, low = none, high = none, q1 = none, q3 = none, value = none;
  };
  struct Mark {
    Kind kind;
    std::string label;
    std::vector<Point> points;
    int colour;
  };
  void add(Kind kind, std::string label, std::vector<Point> points);
  static std::string_view kind_name(Kind kind);

  int colour_of(const std::string& label) const;

  std::string name_, title_;
  Axis x_, y_, colour_;
  std::vector<std::string> colour_order_;
  bool tones_ = false;
  std::optional<Picture> background_;
  std::vector<Mark> marks_;
};

}  // namespace sonde::experiments
