#include "experiments/common/svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "experiments/common/palette.hpp"
#include "experiments/common/picture.hpp"

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

double text_width(std::string_view text, double size) {
  // Characters, not bytes: what continues a character of UTF-8 begins with the bits 10.
  const auto characters = std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
  return 0.63 * size * static_cast<double>(characters);
}

std::string shortened(std::string_view text, double width, double size) {
  if (text_width(text, size) <= width) return std::string(text);
  std::string out(text);
  while (!out.empty() && text_width(out + "…", size) > width) {
    while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xc0) == 0x80) out.pop_back();
    if (!out.empty()) out.pop_back();
  }
  return out + "…";
}

std::vector<std::string> wrapped(std::string_view text, double width, double size) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const auto space = text.find(' ');
    const std::string word = shortened(text.substr(0, space), width, size);
    if (!lines.back().empty() && text_width(lines.back() + ' ' + word, size) > width)
      lines.emplace_back();
    lines.back().append(lines.back().empty() ? "" : " ").append(word);
    text = space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
  }
  return lines;
}

SvgWriter::SvgWriter(double width, double height, std::string_view title,
                     std::string_view description) {
  out_ = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" "
      "font-family=\"system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif\">\n"
      "<title>{}</title>\n<desc>{}</desc>\n",
      coordinate(width), coordinate(height), escape_xml(title), escape_xml(description));
  rect(0, 0, width, height, paper_fill());
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

void SvgWriter::fitted_text(double x, double y, std::string_view anchor, double size, double width,
                            std::string_view style, std::string_view whole) {
  const std::string shown = shortened(whole, width, size);
  const std::string title = shown == whole ? "" : "<title>" + escape_xml(whole) + "</title>";
  fmt::format_to(std::back_inserter(out_),
                 "<text x=\"{}\" y=\"{}\" text-anchor=\"{}\" font-size=\"{}\" {}>{}{}</text>\n",
                 coordinate(x), coordinate(y), anchor, coordinate(size), style, escape_xml(shown),
                 title);
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

void SvgWriter::define_picture(std::string_view id, std::string_view file) {
  fmt::format_to(std::back_inserter(out_),
                 "<defs><image id=\"{}\" width=\"1\" height=\"1\" preserveAspectRatio=\"none\" "
                 "style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{}\"/></defs>\n",
                 escape_xml(id), base64(file));
}

void SvgWriter::picture(std::string_view id, double x, double y, double width, double height) {
  fmt::format_to(
      std::back_inserter(out_), "<use href=\"#{}\" transform=\"translate({} {}) scale({} {})\"/>\n",
      escape_xml(id), coordinate(x), coordinate(y), coordinate(width), coordinate(height));
}

std::string SvgWriter::finish() {
  out_ += "</svg>\n";
  return std::move(out_);
}

}  // namespace sonde::experiments
