#include "experiments/common/svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

namespace sonde::experiments {

std::string escape_xml(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') out += c;
    }
  }
  return out;
}

std::string coordinate(double v) {
  std::string s = fmt::format("{:.2f}", v);
  s.erase(s.find_last_not_of('0') + 1);
  if (s.back() == '.') s.pop_back();
  return s == "-0" ? "0" : s;
}

std::string number_label(double v, int digits) {
  if (v == 0) return "0";
  std::string s = fmt::format("{:.{}g}", v, digits);
  // "1.5e-07" reads better as "1.5e-7".
  if (const auto e = s.find('e'); e != std::string::npos) {
    const bool negative = s[e + 1] == '-';
    const auto first = s.find_first_not_of("+-0", e + 1);
    s = s.substr(0, e + 1) + (negative ? "-" : "") + s.substr(first);
  }
  return s;
}

double round_step(double span, int count) {
  const double raw = span / count, power = std::pow(10, std::floor(std::log10(raw)));
  for (double factor : {1.0, 2.0, 5.0})
    if (raw <= factor * power * (1 + 1e-9)) return factor * power;
  return 10 * power;
}

Scale::Scale(double low, double high, double from, double to, bool log)
    : low_(low), high_(high), from_(from), to_(to), log_(log) {
  if (low_ < high_) return;
  const double pad = log ? 0 : std::max(std::abs(low) * 0.1, 1e-9);
  low_ = log ? low / 2 : low - pad;
  high_ = log ? low * 2 : low + pad;
}

Scale Scale::rounded(double low, double high, double from, double to, bool log) {
  Scale s(low, high, from, to, log);
  if (log) return s;
  const double step = round_step(s.high_ - s.low_, 5);
  s.low_ = std::floor(s.low_ / step + 1e-9) * step;
  s.high_ = std::ceil(s.high_ / step - 1e-9) * step;
  return s;
}

double Scale::operator()(double v) const {
  const double part =
      log_ ? std::log(v / low_) / std::log(high_ / low_) : (v - low_) / (high_ - low_);
  return from_ + part * (to_ - from_);
}

bool Scale::shows(double v) const {
  return std::isfinite(v) && (!log_ || v > 0);
}

std::vector<double> Scale::ticks() const {
  std::vector<double> out;
  if (!log_) {
    const double step = round_step(high_ - low_, 5);
    const double first = std::ceil(low_ / step - 1e-9), last = std::floor(high_ / step + 1e-9);
    for (double i = first; i <= last; ++i) out.push_back(i * step);
    return out;
  }
  const double decades = std::log10(high_ / low_);
  const int every = std::max(1, static_cast<int>(decades / 6));
  for (int k = static_cast<int>(std::floor(std::log10(low_))); std::pow(10, k) <= high_; k += every)
    for (double factor : {1.0, 2.0, 5.0}) {
      if (factor > 1 && decades > 2) continue;
      const double v = factor * std::pow(10, k);
      if (v >= low_ * (1 - 1e-9) && v <= high_ * (1 + 1e-9)) out.push_back(v);
    }
  return out;
}

std::string Scale::label(double tick) const {
  const double step = round_step(high_ - low_, 5);
  return number_label(!log_ && std::abs(tick) < step * 1e-6 ? 0 : tick);
}

std::string_view series_colour(int index) {
  constexpr std::array<std::string_view, 7> colours{"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                                    "#E69F00", "#56B4E9", "#333333"};
  return colours[static_cast<std::size_t>(index) % colours.size()];
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

SvgWriter::SvgWriter(double width, double height, std::string_view title,
                     std::string_view description) {
  out_ = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" "
      "font-family=\"system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif\">\n"
      "<title>{}</title>\n<desc>{}</desc>\n",
      coordinate(width), coordinate(height), escape_xml(title), escape_xml(description));
  rect(0, 0, width, height, "fill=\"#fff\"");
}

void SvgWriter::line(double x1, double y1, double x2, double y2, std::string_view style) {
  fmt::format_to(std::back_inserter(out_), "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" {}/>\n",
                 coordinate(x1), coordinate(y1), coordinate(x2), coordinate(y2), style);
}

void SvgWriter::rect(double x, double y, double width, double height, std::string_view style) {
  fmt::format_to(std::back_inserter(out_),
                 "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {}/>\n", coordinate(x),
                 coordinate(y), coordinate(width), coordinate(height), style);
}

void SvgWriter::circle(double x, double y, double radius, std::string_view style) {
  fmt::format_to(std::back_inserter(out_), "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" {}/>\n",
                 coordinate(x), coordinate(y), coordinate(radius), style);
}

void SvgWriter::text(double x, double y, std::string_view anchor, std::string_view style,
                     std::string_view text) {
  fmt::format_to(std::back_inserter(out_),
                 "<text x=\"{}\" y=\"{}\" text-anchor=\"{}\" {}>{}</text>\n", coordinate(x),
                 coordinate(y), anchor, style, escape_xml(text));
}

void SvgWriter::vertical_text(double x, double y, std::string_view style, std::string_view text) {
  fmt::format_to(
      std::back_inserter(out_),
      "<text transform=\"translate({} {}) rotate(-90)\" text-anchor=\"middle\" {}>{}</text>\n",
      coordinate(x), coordinate(y), style, escape_xml(text));
}

void SvgWriter::path(std::span<const double> xy, bool closed, std::string_view style) {
  if (xy.size() < 4) return;
  out_ += closed ? "<polygon points=\"" : "<polyline fill=\"none\" points=\"";
  for (std::size_t i = 0; i + 1 < xy.size(); i += 2)
    out_ += (i ? " " : "") + coordinate(xy[i]) + "," + coordinate(xy[i + 1]);
  fmt::format_to(std::back_inserter(out_), "\" {}/>\n", style);
}

void SvgWriter::begin_clip(std::string_view id, double x, double y, double width, double height) {
  fmt::format_to(std::back_inserter(out_), "<clipPath id=\"{}\">", escape_xml(id));
  rect(x, y, width, height, "");
  fmt::format_to(std::back_inserter(out_), "</clipPath>\n<g clip-path=\"url(#{})\">\n",
                 escape_xml(id));
}

void SvgWriter::end_clip() {
  out_ += "</g>\n";
}

std::string SvgWriter::finish() {
  out_ += "</svg>\n";
  return std::move(out_);
}

}  // namespace sonde::experiments
