// Figures: well-formed XML, the same bytes twice, nothing lost on hostile or degenerate data.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "experiments/common/csv.hpp"
#include "experiments/common/figure.hpp"
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

TEST(Svg, ColoursStayInRange) {
  EXPECT_EQ(map_colour(0), "#440154");
  EXPECT_EQ(map_colour(1), "#fde725");
  EXPECT_EQ(map_colour(7), map_colour(1));
  EXPECT_EQ(series_colour(0), series_colour(7));
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
