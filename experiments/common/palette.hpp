/// @file
/// The colours of figures. Every element carries its colour for a light ground as an attribute, and
/// a class by which the style sheet of a dark page gives it another.
#pragma once

#include <string>
#include <string_view>

namespace sonde::experiments {

/// A colour, "#rrggbb", for a white ground and for the dark one of the report.
struct Shade {
  std::string_view light, dark;
};

inline constexpr Shade paper{"#ffffff", "#1a2027"};

/// Colours that series have before they repeat.
inline constexpr int series_colours = 11;
/// Colours of series 0, 1, ...: at least 3 : 1 against the ground, and apart from each other by
/// 0.07 or more in OKLab for people with any colour vision (found by a search for the most distant
/// ones near those of Okabe and Ito, 2008, and Tol, 2021).
Shade series_colour(int index);

/// Steps of one hue, for series that are in order.
inline constexpr int tones = 4;
Shade tone_colour(int index);

/// Sequential colour map on [0, 1], dark to bright, of even lightness steps (viridis); "#rrggbb".
std::string map_colour(double v);

/// Contrast ratio of two colours "#rrggbb" by WCAG 2.1, from 1 to 21.
double contrast(std::string_view a, std::string_view b);

// Attributes of an element that is filled or drawn in a colour of the page or of a series.
std::string paint(std::string_view attribute, std::string_view name, Shade shade);
/// Text, and lines as strong as text.
std::string ink_fill();
std::string ink_stroke(std::string_view more = "stroke-width=\"1.5\"");
/// Text of lesser weight: ticks, legend.
std::string faint_fill();
std::string grid_stroke();
std::string axis_stroke();
std::string paper_fill();
std::string paper_stroke(std::string_view more);
std::string series_fill(int index, std::string_view more = "");
std::string series_stroke(int index, std::string_view more = "stroke-width=\"2\"");
/// A line of a series: its colour and its dash.
std::string line_stroke(int index, double width);
std::string tone_fill(int index);

/// CSS that gives the elements of all figures in a page their colours for a dark ground.
std::string dark_figure_rules();

}  // namespace sonde::experiments
