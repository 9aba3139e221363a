// The report and summary.json as pure functions of what a run found; verdicts; strict JSON.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "experiments/common/report.hpp"
#include "tensor/error.hpp"
#include "xml_check.hpp"

namespace sonde::experiments {
namespace {

const Estimate low{.value = -0.02, .ci95 = Interval{-0.03, -0.01}, .n = 3, .m = 500};
const Estimate high{.value = 0.02, .ci95 = Interval{0.01, 0.03}, .n = 3, .m = 500};
const Estimate straddling{.value = 0.01, .ci95 = Interval{-0.01, 0.03}, .n = 3, .m = 500};

Verdict verdict(const Estimate& e, Side side) {
  return judge("id", "s", "c", e, side).verdict;
}

TEST(Claim, VerdictFollowsTheInterval) {
  EXPECT_EQ(verdict(low, Side::below), Verdict::reproduced);
  EXPECT_EQ(verdict(high, Side::below), Verdict::not_reproduced);
  EXPECT_EQ(verdict(high, Side::above), Verdict::reproduced);
  EXPECT_EQ(verdict(low, Side::above), Verdict::not_reproduced);
  EXPECT_EQ(verdict(straddling, Side::below), Verdict::inconclusive);
  Estimate few = low, bare = low, broken = low;
  few.n = 2;
  bare.ci95.reset();
  broken.ci95 = Interval{std::nan(""), std::nan("")};
  for (const Estimate& e : {few, bare, broken}) {
    const Claim c = judge("id", "s", "c", e, Side::below);
    EXPECT_EQ(c.verdict, Verdict::inconclusive);
    EXPECT_FALSE(c.reason.empty());
  }
}

Results sample() {
  Results r;
  r.table.columns = {"model", "S"};
  r.table.add({"mlp <1>", "0.05"});
  r.metrics = {{"s", "Sensitivity & more", high}, {"hidden", "", low}};
  r.claims = {judge("c1", "A < B", "difference < 0", low, Side::below),
              undecided("c2", "s", "c", "not measured"),
              check("c3", "exact", "= 0", Estimate::exact(0), true)};
  Figure f("curve", "A curve", {.label = "x"}, {.label = "y"});
  const double x[] = {0, 1, 2};
  f.line("a", x, x);
  r.figures = {{std::move(f), "What it shows."}};
  r.notes = {"A note with <angle> brackets."};
  return r;
}

const About about{"demo", "Measures x < y.", "Somebody, 2024", "1 s"};
const RunFacts facts{.experiment = "demo",
                     .paper = "Somebody, 2024",
                     .version = "0.1.0",
                     .device = "cpu",
                     .blas_core = "Haswell",
                     .seed = 7,
                     .threads = 2,
                     .wall_s = 61,
                     .peak_bytes = 1 << 20};

TEST(Report, IsWellFormedSelfContainedAndRepeatable) {
  const Json settings{{"seed", 7}, {"sigma", {1.0, 3.0}}, {"data-dir", ""}, {"quick", false}};
  const std::string page = report_html(about, facts, settings, sample());
  const std::string start = "<!DOCTYPE html>\n";
  ASSERT_EQ(page.rfind(start, 0), 0u);
  EXPECT_EQ(xml_problem(page.substr(start.size())), "");
  EXPECT_EQ(page, report_html(about, facts, settings, sample()));
  for (const char* outside : {"<script", "http-equiv", "src=", "@import", "url(http"})
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  for (const char* inside : {"Measures x &lt; y.", "mlp &lt;1&gt;", "inconclusive", "<svg", "1, 3",
                             "download=\"curve.csv\"", "1 min 01 s", "@media print",
                             "width=device-width", "prefers-color-scheme: dark", "Claims",
                             "What must hold exactly", "1 reproduced", "Where this comes from"})
    EXPECT_NE(page.find(inside), std::string::npos) << inside;
}

TEST(Report, TheFirstClaimAndTheFiguresComeBeforeTheLists) {
  const std::string page = report_html(about, facts, {{"quick", false}}, sample());
  std::size_t last = 0;
  for (const char* part : {"class=\"headline\"", "<h2>Figures", "<h2>Claims", "<h2>Numbers",
                           "<h2>What must hold exactly", "<h2>All measurements"}) {
    const std::size_t at = page.find(part);
    ASSERT_NE(at, std::string::npos) << part;
    EXPECT_GT(at, last) << part;
    last = at;
  }
}

TEST(Report, TheQuickRunIsNamed) {
  EXPECT_EQ(report_html(about, facts, {{"quick", false}}, sample()).find("quick run"),
            std::string::npos);
  EXPECT_NE(report_html(about, facts, {{"quick", true}}, sample()).find("This is the quick run."),
            std::string::npos);
}

TEST(Report, OnlyARunIsMadeAgainFromItsSettings) {
  const std::string run = report_html(about, facts, {{"seed", 7}}, sample());
  const std::string gathered = report_html(about, facts, {{"grid", "file"}}, sample());
  for (const char* part : {"demo --config config.json --out again", "first seed"}) {
    EXPECT_NE(run.find(part), std::string::npos) << part;
    EXPECT_EQ(gathered.find(part), std::string::npos) << part;
  }
}

TEST(Report, EmptyResultsStillMakeAPage) {
  const std::string page = report_html(about, facts, Json::object(), {});
  EXPECT_EQ(xml_problem(page.substr(16)), "");
  EXPECT_EQ(page.find("Claims"), std::string::npos);
}

TEST(Summary, HasTheFieldsOfTheContract) {
  const Json json = summary(facts, sample());
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"experiment", "paper", "measures", "version", "seed",
                                            "threads", "device", "device_name", "blas_core", "simd",
                                            "cpu", "versions", "wall_s", "peak_bytes", "metrics",
                                            "claims", "figures"}));
  EXPECT_EQ(json["figures"], Json({{{"name", "curve"}, {"caption", "What it shows."}}}));
  const Json& claim = json["claims"][0];
  keys.clear();
  for (const auto& [key, value] : claim.items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"id", "statement", "criterion", "value", "ci95", "n",
                                            "m", "verdict"}));
  EXPECT_EQ(claim["verdict"], "reproduced");
  EXPECT_EQ(claim["ci95"], Json({-0.03, -0.01}));
  EXPECT_EQ(claim["n"], 3);
  EXPECT_EQ(claim["m"], 500);
  EXPECT_EQ(json["claims"][1]["reason"], "not measured");
  EXPECT_TRUE(json["claims"][1]["value"].is_null());
  EXPECT_EQ(json["claims"][2]["verdict"], "pass");
  EXPECT_EQ(json["metrics"]["hidden"]["value"], -0.02);
}

TEST(Json, EstimatesRoundTrip) {
  const Estimate back = estimate_from_json(parse_json(to_json(high).dump(), "test"));
  EXPECT_EQ(back.value, high.value);
  EXPECT_EQ(back.ci95, high.ci95);
  EXPECT_FALSE(back.std_error.has_value());
  EXPECT_THROW(estimate_from_json(Json::object()), Error);
}

TEST(Json, HostileTextIsATypedError) {
  for (const std::string& text :
       {std::string("{\"a\": 1, \"a\": 2}"), std::string("{"), std::string(""),
        std::string(200, '['), std::string(1'000'000, '['), std::string("{\"a\": 1} x")})
    EXPECT_THROW(parse_json(text, "test"), Error);
  EXPECT_EQ(parse_json("{\"a\": {\"b\": 1}, \"c\": {\"b\": 2}}", "test")["c"]["b"], 2);
}

TEST(Table, WrongRowIsATypedError) {
  Table t{.columns = {"a", "b"}, .rows = {}};
  EXPECT_THROW(t.add({"1"}), Error);
}

}  // namespace
}  // namespace sonde::experiments
