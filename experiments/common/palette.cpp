#include "experiments/common/palette.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

namespace sonde::experiments {
namespace {

constexpr Shade ink{"#1d2329", "#e6eaee"}, faint{"#4d5863", "#b4bec8"}, grid{"#e2e6ea", "#343e48"},
    axis{"#7a8692", "#8a96a2"};

constexpr std::array<Shade, series_colours> series{{{"#1a5e9e", "#5290c2"},
                                                    {"#f44f04", "#e38702"},
                                                    {"#038483", "#7cae83"},
                                                    {"#b85fb7", "#d89be9"},
                                                    {"#3d270a", "#f4f3c9"},
                                                    {"#0898f3", "#9fe4ff"},
                                                    {"#958854", "#edcb2f"},
                                                    {"#3b168f", "#b37fff"},
                                                    {"#771950", "#d94d4f"},
                                                    {"#585704", "#a0cb86"},
                                                    {"#7c9892", "#798385"}}};

constexpr std::array<Shade, tones> steps{{{"#d5e0e8", "#2b3e4e"},
                                          {"#a3bccd", "#3d5870"},
                                          {"#7096b1", "#507493"},
                                          {"#4a7697", "#6690b5"}}};

std::size_t within(int index, std::size_t size) {
  return static_cast<std::size_t>(index) % size;
}

std::array<double, 3> channels(std::string_view colour) {
  std::array<double, 3> out{};
  for (std::size_t c = 0; c < 3; ++c)
    out[c] = std::stoi(std::string(colour.substr(1 + 2 * c, 2)), nullptr, 16) / 255.0;
  return out;
}

double luminance(std::string_view colour) {
  constexpr std::array<double, 3> weight{0.2126, 0.7152, 0.0722};
  const auto rgb = channels(colour);
  double sum = 0;
  for (std::size_t c = 0; c < 3; ++c)
    sum +=
        weight[c] * (rgb[c] <= 0.04045 ? rgb[c] / 12.92 : std::pow((rgb[c] + 0.055) / 1.055, 2.4));
  return sum;
}

std::string dark_rule(std::string_view attribute, std::string_view name, Shade shade) {
  return fmt::format("  svg .{} {{ {}: {}; }}\n", name, attribute, shade.dark);
}

}  // namespace

Shade series_colour(int index) {
  return series[within(index, series.size())];
}

Shade tone_colour(int index) {
  return steps[within(index, steps.size())];
}

std::string map_colour(double v) {
  constexpr std::array<std::array<double, 3>, 6> stops{{{68, 1, 84},  // viridis at 0, 0.2, ... 1
                                                        {65, 68, 135},
                                                        {42, 120, 142},
                                                        {34, 168, 132},
                                                        {122, 209, 81},
                                                        {253, 231, 37}}};
  const double position = std::clamp(v, 0.0, 1.0) * (stops.size() - 1);
  const auto i = std::min(static_cast<std::size_t>(position), stops.size() - 2);
  std::array<int, 3> rgb;
  for (std::size_t c = 0; c < 3; ++c)
    rgb[c] = static_cast<int>(
        std::lround(std::lerp(stops[i][c], stops[i + 1][c], position - static_cast<double>(i))));
  return fmt::format("#{:02x}{:02x}{:02x}", rgb[0], rgb[1], rgb[2]);
}

double contrast(std::string_view a, std::string_view b) {
  const auto [low, high] = std::minmax({luminance(a), luminance(b)});
  return (high + 0.05) / (low + 0.05);
}

std::string paint(std::string_view attribute, std::string_view name, Shade shade) {
  return fmt::format("class=\"{}\" {}=\"{}\"", name, attribute, shade.light);
}

std::string ink_fill() {
  return paint("fill", "ink", ink);
}

std::string ink_stroke(std::string_view more) {
  return paint("stroke", "rule", ink) + " " + std::string(more);
}

std::string faint_fill() {
  return paint("fill", "faint", faint);
}

std::string grid_stroke() {
  return paint("stroke", "grid", grid);
}

std::string axis_stroke() {
  return paint("stroke", "axis", axis);
}

std::string paper_fill() {
  return paint("fill", "paper", paper);
}

std::string paper_stroke(std::string_view more) {
  return paint("stroke", "halo", paper) + " " + std::string(more);
}

std::string series_fill(int index, std::string_view more) {
  return paint("fill", fmt::format("f{}", within(index, series.size())), series_colour(index)) +
         " " + std::string(more);
}

std::string series_stroke(int index, std::string_view more) {
  return paint("stroke", fmt::format("l{}", within(index, series.size())), series_colour(index)) +
         " " + std::string(more);
}

std::string line_stroke(int index, double width) {
  constexpr std::array<std::string_view, 4> dashes{"none", "7 3", "2.5 2.5", "9 3 2.5 3"};
  return series_stroke(index, fmt::format("stroke-width=\"{}\" stroke-linejoin=\"round\" "
                                          "stroke-dasharray=\"{}\"",
                                          width, dashes[within(index, dashes.size())]));
}

std::string tone_fill(int index) {
  return paint("fill", fmt::format("t{}", within(index, steps.size())), tone_colour(index));
}

std::string dark_figure_rules() {
  std::string out = dark_rule("fill", "ink", ink) + dark_rule("stroke", "rule", ink) +
                    dark_rule("fill", "faint", faint) + dark_rule("stroke", "grid", grid) +
                    dark_rule("stroke", "axis", axis) + dark_rule("fill", "paper", paper) +
                    dark_rule("stroke", "halo", paper);
  for (int i = 0; i < series_colours; ++i)
    out += dark_rule("fill", fmt::format("f{}", i), series_colour(i)) +
           dark_rule("stroke", fmt::format("l{}", i), series_colour(i));
  for (int i = 0; i < tones; ++i) out += dark_rule("fill", fmt::format("t{}", i), tone_colour(i));
  return out;
}

}  // namespace sonde::experiments
