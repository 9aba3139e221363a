// Figures: well-formed XML, the same bytes twice, nothing lost on hostile or degenerate data.
#include <gtest/gtest.h>
#include <zlib.h>

#include <array>
#include <cmath>
#include <limits>

#include "experiments/common/figure.hpp"
#include "experiments/common/palette.hpp"
#include "experiments/common/svg.hpp"
#include "tensor/error.hpp"
#include "xml_check.hpp"

namespace sonde::experiments {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity(),
                 nan = std::numeric_limits<double>::quiet_NaN();

Figure everything(bool log) {
  Figure f("all", "All marks <&> \"quoted\" on one pair of axes, with a title that needs two lines",
           {.label = "x & more", .log = log}, {.label = "y", .log = log});
  const double x[] = {0.1, 1, 2, nan, 3}, y[] = {0.2, 5, inf, 1, -4}, low[] = {0.1, 4, 1, 0, -5};
  const Estimate e[] = {{.value = 1, .ci95 = Interval{0.5, 2}}, {.value = 3}};
  f.line("line", x, y);
  f.band("line", x, low, y);
  f.scatter("points", x, y);
  f.estimates("with interval", std::span(x).first(2), e);
  f.bars("bars", e);
  f.bars("other bars", e);
  f.histogram("counts", y, 4);
  f.box("box", 1, std::span(low));
  f.level("level", 1);
  f.upright("upright", 2);
  return f;
}

TEST(Figure, EveryMarkIsWellFormedXml) {
  for (bool log : {false, true}) {
    const std::string svg = everything(log).svg();
    EXPECT_EQ(xml_problem(svg), "") << svg;
    EXPECT_EQ(svg.find("nan"), std::string::npos) << svg;
    EXPECT_EQ(svg.find("inf"), std::string::npos);
  }
}

TEST(Figure, SameDataSameBytes) {
  EXPECT_EQ(everything(false).svg(), everything(false).svg());
  EXPECT_EQ(everything(true).csv(), everything(true).csv());
  EXPECT_NE(everything(false).svg(), everything(true).svg());
}

TEST(Figure, DegenerateDataStillDraws) {
  Figure empty("empty", "Nothing", {.label = "x"}, {.label = "y", .log = true});
  EXPECT_EQ(xml_problem(empty.svg()), "");
  Figure constant("constant", "One value", {.label = "x"}, {.label = "y"});
  const double one[] = {5};
  constant.line("a", one, one);
  constant.histogram("b", one, 3);
  EXPECT_EQ(xml_problem(constant.svg()), "");
  Figure none("none", "No finite value", {.label = "x", .log = true}, {.label = "y"});
  const double bad[] = {nan, -1}, map[] = {nan, nan};
  none.scatter("a", bad, bad);
  none.histogram("b", std::span(bad).first(1), 3);
  EXPECT_EQ(xml_problem(none.svg()), "");
  Figure heat("heat", "Map", {.label = "column"}, {.label = "row"});
  heat.heat_map("value", 1, 2, map);
  EXPECT_EQ(xml_problem(heat.svg()), "");
}

TEST(Figure, LyingBarsAndMapsAreWellFormedXml) {
  Figure bars(
      "bars", "Lying", {.label = "S", .from_zero = true},
      {.label = "", .categories = {"first <&>", "a name that is far too long for a figure"}});
  const Estimate e[] = {{.value = 0.5, .ci95 = Interval{0.4, 0.7}}, {.value = nan}};
  bars.use_tones();
  bars.bars("σ = 1", e);
  bars.bars("σ = 3", e);
  EXPECT_EQ(xml_problem(bars.svg()), "") << bars.svg();
  EXPECT_NE(bars.svg().find("…"), std::string::npos);
  EXPECT_EQ(bars.svg().find("nan"), std::string::npos);
  EXPECT_NE(bars.csv().find("σ = 3,bar,first <&>,0.5,0.4,0.7"), std::string::npos) << bars.csv();
  const double x[] = {1, 2};
  EXPECT_THROW(bars.line("a", x, x), Error);

  Figure maps("maps", "Maps", {}, {});
  maps.background({2, 2, 1, {0, 100, 200, 255}});
  maps.colour_scale({.label = "share", .from_zero = true});
  const double low[] = {0.1, 0.2}, high[] = {0.1, 0.4};
  maps.heat_map("a", 1, 2, low);
  maps.heat_map("b", 1, 2, high);
  const std::string svg = maps.svg();
  EXPECT_EQ(xml_problem(svg), "") << svg;
  // One scale for both: the same value has the same colour, the greatest of all the last one.
  auto times = [&](const std::string& colour) {
    std::size_t n = 0;
    for (auto at = svg.find(colour); at != std::string::npos; at = svg.find(colour, at + 1)) ++n;
    return n;
  };
  EXPECT_EQ(times(map_colour(0.25)), 2u);
  EXPECT_EQ(times(map_colour(1)), 1u);
  EXPECT_EQ(times("data:image/png"), 1u);  // defined once, used twice
  EXPECT_THROW(maps.level("a", 1), Error);
}

TEST(Figure, BadInputIsATypedError) {
  EXPECT_THROW(Figure("../up", "t", {}, {}), Error);
  EXPECT_THROW(Figure("", "t", {}, {}), Error);
  Figure f("f", "t", {.label = "x"}, {.label = "y"});
  const double two[] = {1, 2}, three[] = {1, 2, 3};
  EXPECT_THROW(f.line("a", two, three), Error);
  EXPECT_THROW(f.histogram("a", two, 0), Error);
  EXPECT_THROW(f.heat_map("a", 2, 2, three), Error);
  EXPECT_THROW(f.box("a", 0, {}), Error);
}

TEST(Figure, CsvHoldsWhatIsDrawn) {
  Figure f("f", "t", {.label = "x", .categories = {"first", "second, quoted"}}, {.label = "y"});
  const Estimate e[] = {{.value = 1.5, .ci95 = Interval{1, 2}}, {.value = 0.1}};
  f.bars("a", e);
  f.level("chance", 0.1);
  EXPECT_EQ(f.csv(),
            "series,mark,x,y,low,high,q1,q3,value\n"
            "a,bar,first,1.5,1,2,,,\n"
            "a,bar,\"second, quoted\",0.1,,,,,\n"
            "chance,level,,0.1,,,,,\n");
}

TEST(Figure, HistogramCountsEveryValueOnce) {
  Figure f("f", "t", {.label = "x"}, {.label = "y"});
  const double values[] = {0, 0.1, 0.5, 0.9, 1, nan};
  f.histogram("a", values, 2);
  EXPECT_NE(f.csv().find("a,histogram,0.25,2,0,0.5,"), std::string::npos) << f.csv();
  EXPECT_NE(f.csv().find("a,histogram,0.75,3,0.5,1,"), std::string::npos) << f.csv();
}

TEST(Svg, TicksAreRound) {
  EXPECT_EQ(Scale(0, 1, 0, 100, false).ticks().size(), 6u);
  EXPECT_EQ(Scale(1e-3, 1e3, 0, 100, true).ticks().size(), 7u);
  const Scale near(0.97, 1.03, 0, 10, false);
  EXPECT_EQ(near.label(near.ticks().front()), "0.98");
  EXPECT_EQ(number_label(1.5e-7), "1.5e-7");
  EXPECT_EQ(number_label(1.2e+15), "1.2e15");
  EXPECT_EQ(coordinate(-0.001), "0");
  EXPECT_EQ(coordinate(12.50), "12.5");
  EXPECT_EQ(round_step(1, 5), 0.2);
  const Scale rounded = Scale::rounded(0.13, 0.87, 0, 1, false);
  EXPECT_NEAR(rounded.low(), 0, 1e-12);
  EXPECT_NEAR(rounded.high(), 1, 1e-12);
}

// sRGB to OKLab (Ottosson, 2020) as people see it whose cones are those of `vision`: a matrix on
// linear RGB by Machado, Oliveira and Fernandes (2009), severity 1.
using Triple = std::array<double, 3>;
using Matrix = std::array<Triple, 3>;

Triple times(const Matrix& a, const Triple& v) {
  Triple out{};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t k = 0; k < 3; ++k) out[i] += a[i][k] * v[k];
  return out;
}

Triple seen(std::string_view colour, const Matrix& vision) {
  Triple rgb;
  for (std::size_t c = 0; c < 3; ++c) {
    const double v = std::stoi(std::string(colour.substr(1 + 2 * c, 2)), nullptr, 16) / 255.0;
    rgb[c] = v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
  }
  rgb = times(vision, rgb);
  for (double& v : rgb) v = std::clamp(v, 0.0, 1.0);
  Triple lms = times({{{0.4122214708, 0.5363325363, 0.0514459929},
                       {0.2119034982, 0.6806995451, 0.1073969566},
                       {0.0883024619, 0.2817188376, 0.6299787005}}},
                     rgb);
  for (double& v : lms) v = std::cbrt(v);
  return times({{{0.2104542553, 0.793617785, -0.0040720468},
                 {1.9779984951, -2.428592205, 0.4505937099},
                 {0.0259040371, 0.7827717662, -0.808675766}}},
               lms);
}

constexpr Matrix visions[] = {{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}},
                              {{{0.152286, 1.052583, -0.204868},  // no long-wave cones
                                {0.114503, 0.786281, 0.099216},
                                {-0.003882, -0.048116, 1.051998}}},
                              {{{0.367322, 0.860646, -0.227968},  // no middle-wave cones
                                {0.280085, 0.672501, 0.047413},
                                {-0.011820, 0.042940, 0.968881}}},
                              {{{1.255528, -0.076749, -0.178779},  // no short-wave cones
                                {-0.078411, 0.930809, 0.147602},
                                {0.004733, 0.691367, 0.303900}}}};

double distance(std::string_view a, std::string_view b, const Matrix& vision) {
  const Triple x = seen(a, vision), y = seen(b, vision);
  return std::hypot(x[0] - y[0], x[1] - y[1], x[2] - y[2]);
}

TEST(Palette, SeriesAreApartForEveryColourVisionAndVisibleOnBothGrounds) {
  for (int i = 0; i < series_colours; ++i) {
    const Shade a = series_colour(i);
    EXPECT_GE(contrast(a.light, paper.light), 3) << a.light;
    EXPECT_GE(contrast(a.dark, paper.dark), 3) << a.dark;
    for (int j = 0; j < i; ++j)
      for (const Matrix& vision : visions) {
        EXPECT_GE(distance(a.light, series_colour(j).light, vision), 0.07) << i << ' ' << j;
        EXPECT_GE(distance(a.dark, series_colour(j).dark, vision), 0.07) << i << ' ' << j;
      }
  }
  // The measure can fail: red and green of the usual plots are one to those without middle cones.
  EXPECT_GT(distance("#d62728", "#2ca02c", visions[0]), 0.3);
  EXPECT_LT(distance("#b8860b", "#6b8e23", visions[2]), 0.07);
}

TEST(Palette, ColoursStayInRange) {
  EXPECT_EQ(map_colour(0), "#440154");
  EXPECT_EQ(map_colour(1), "#fde725");
  EXPECT_EQ(map_colour(7), map_colour(1));
  EXPECT_EQ(series_colour(0).light, series_colour(series_colours).light);
  EXPECT_NEAR(contrast("#000000", "#ffffff"), 21, 1e-9);
  EXPECT_NEAR(contrast("#777777", "#ffffff"), 4.48, 0.005);  // the example of WCAG's guides
}

TEST(Palette, ALabelKeepsItsColourInEveryFigure) {
  const double x[] = {1, 2};
  Figure all("all", "t", {.label = "x"}, {.label = "y"}), last("last", "t", {}, {});
  for (Figure* f : {&all, &last}) f->colour_order({"a", "b", "c"});
  all.line("a", x, x);
  all.level("not a series", 1);
  all.line("c", x, x);
  all.line("new", x, x);
  last.line("c", x, x);
  for (const Figure* f : {&all, &last})
    EXPECT_NE(f->svg().find(series_colour(2).light), std::string::npos);
  EXPECT_NE(all.svg().find(series_colour(3).light), std::string::npos);
  EXPECT_EQ(last.svg().find(series_colour(0).light), std::string::npos);
}

TEST(Svg, TextIsCutToItsRoom) {
  EXPECT_EQ(shortened("sigma", 100, 10), "sigma");
  const std::string cut = shortened("σσσσσσσσσσσσσσσσσσσσ", 40, 10);
  EXPECT_LE(text_width(cut, 10), 40);
  EXPECT_EQ(cut, "σσσσσ…");  // whole characters
  EXPECT_EQ(text_width("σ…", 10), text_width("ab", 10));
  const auto lines = wrapped("one two averyveryverylongword three", 60, 10);
  for (const std::string& line : lines) EXPECT_LE(text_width(line, 10), 60) << line;
  EXPECT_GT(lines.size(), 2u);
}

// Reads back what png() wrote, with zlib for the data and its check sums.
TEST(Picture, PngHoldsThePixels) {
  const Picture grey{2, 3, 1, {0, 50, 100, 150, 200, 250}};
  const std::string file = png(grey);
  ASSERT_EQ(file.substr(0, 8), "\x89PNG\r\n\x1a\n");
  auto word = [&](std::size_t at) {
    std::uint32_t w = 0;
    for (std::size_t i = 0; i < 4; ++i) w = w << 8 | static_cast<unsigned char>(file[at + i]);
    return w;
  };
  std::string types;
  for (std::size_t at = 8; at < file.size(); at += 12 + word(at)) {
    const std::string type = file.substr(at + 4, 4);
    const auto* body = reinterpret_cast<const Bytef*>(file.data() + at + 4);
    EXPECT_EQ(word(at + 8 + word(at)), crc32(0, body, 4 + word(at))) << type;
    types += type;
    if (type == "IHDR") {
      EXPECT_EQ(word(at + 8), 3u);   // columns
      EXPECT_EQ(word(at + 12), 2u);  // rows
      EXPECT_EQ(file[at + 17], 0);   // grey
    }
    if (type != "IDAT") continue;
    std::string rows(64, '?');
    uLongf size = rows.size();
    ASSERT_EQ(uncompress(reinterpret_cast<Bytef*>(rows.data()), &size, body + 4, word(at)), Z_OK);
    EXPECT_EQ(rows.substr(0, size), std::string("\0\0\x32\x64\0\x96\xc8\xfa", 8));
  }
  EXPECT_EQ(types, "IHDRIDATIEND");
  EXPECT_THROW(png({2, 2, 1, {1, 2, 3}}), Error);
  EXPECT_THROW(png({1, 1, 2, {1, 2}}), Error);
}

TEST(Picture, Base64KnownVectors) {  // RFC 4648, section 10
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
}

TEST(Csv, FieldsAreQuotedAndNumbersReadBack) {
  EXPECT_EQ(csv_row({"", "a\"b", "c\nd", "e"}), ",\"a\"\"b\",\"c\nd\",e\n");
  EXPECT_EQ(std::stod(csv_number(0.1 + 0.2)), 0.1 + 0.2);
  EXPECT_EQ(csv_number(nan), "");
}

TEST(XmlCheck, FindsWhatIsWrong) {  // the oracle of the tests above
  EXPECT_EQ(xml_problem("<a b=\"1\"><c/>text &amp; more</a>"), "");
  EXPECT_NE(xml_problem("<a><b></a>"), "");
  EXPECT_NE(xml_problem("<a>&</a>"), "");
  EXPECT_NE(xml_problem("<a b=1/>"), "");
  EXPECT_NE(xml_problem("<a>"), "");
  EXPECT_NE(xml_problem("<a b=\"<\"/>"), "");
}

}  // namespace
}  // namespace sonde::experiments
