/// @file
/// The pieces figures are drawn with: number formats, axis scales with round ticks, the width of
/// text, and a writer of SVG elements. Everything is a pure function of its input, so that the same
/// data gives the same bytes.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sonde::experiments {

/// Escapes &, <, >, " and ' for text and attribute values of XML and HTML; drops control characters
/// XML forbids.
std::string escape_xml(std::string_view text);

/// A coordinate with two decimals, "12.5" and never "12.50" or "-0".
std::string coordinate(double v);
/// A label: "0.25", "1500", "1.2e6"; at most `digits` significant ones.
std::string number_label(double v, int digits = 4);

/// Maps data values to a coordinate range, linearly or by their logarithm.
class Scale {
 public:
  /// `low` < `high` (widened if equal); both must be positive if `log`. `from`, `to` are the
  /// coordinates.
  Scale(double low, double high, double from, double to, bool log);
  /// As above, with `low` and `high` moved out to the next round tick of a linear axis.
  static Scale rounded(double low, double high, double from, double to, bool log);

  double operator()(double v) const;
  /// Finite, and positive on a log axis.
  bool shows(double v) const;
  /// Round values inside the range: multiples of 1, 2 or 5 times a power of ten; powers of ten on a
  /// log axis.
  std::vector<double> ticks() const;
  std::string label(double tick) const;
  double low() const { return low_; }
  double high() const { return high_; }

 private:
  double low_, high_, from_, to_;
  bool log_;
};

/// The step 1, 2 or 5 times 10^k that cuts `span` into about `count` parts.
double round_step(double span, int count);

/// The width of `text` in the widest of the fonts that figures ask for, at most.
double text_width(std::string_view text, double size);
/// `text`, or as much of its beginning as fits into `width`, with an ellipsis.
std::string shortened(std::string_view text, double width, double size);
/// `text` in lines no wider than `width`, broken at spaces; a longer word is shortened.
std::vector<std::string> wrapped(std::string_view text, double width, double size);

/// Writes SVG elements one by one.
class SvgWriter {
 public:
  /// Starts a document of this size, with a title and a description for readers that cannot see it.
  SvgWriter(double width, double height, std::string_view title, std::string_view description);

  void line(double x1, double y1, double x2, double y2, std::string_view style);
  void rect(double x, double y, double width, double height, std::string_view style);
  void circle(double x, double y, double radius, std::string_view style);
  /// `anchor` is start, middle or end.
  void text(double x, double y, std::string_view anchor, std::string_view style,
            std::string_view text);
  /// The same, shortened to `width`; the whole text is then its title.
  void fitted_text(double x, double y, std::string_view anchor, double size, double width,
                   std::string_view style, std::string_view text);
  /// Turned a quarter to the left about (x, y).
  void vertical_text(double x, double y, std::string_view style, std::string_view text);
  /// A polyline, or a polygon if `closed`; `xy` holds x0, y0, x1, y1, ...
  void path(std::span<const double> xy, bool closed, std::string_view style);
  /// Defines a picture of the size 1 by 1 from a PNG file, to be placed by `picture`.
  void define_picture(std::string_view id, std::string_view png);
  void picture(std::string_view id, double x, double y, double width, double height);
  /// Ends the document and returns it.
  std::string finish();

 private:
  std::string out_;
};

}  // namespace sonde::experiments
