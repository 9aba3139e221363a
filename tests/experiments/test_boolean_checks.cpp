// The exact checks: they pass on what is right, in numbers that were computed by hand, and fail on
// what is not.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "experiments/boolean/checks.hpp"

namespace sonde::experiments {
namespace {

std::map<std::string, Verdict> verdicts(const std::vector<Claim>& claims) {
  std::map<std::string, Verdict> out;
  for (const Claim& c : claims) out[c.id] = c.verdict;
  return out;
}

std::vector<FunctionFound> small_functions() {
  std::vector<FunctionFound> out;
  for (const std::int64_t n : {1, 4, 7})
    for (const std::string& name : target_names()) out.push_back(function_found(target(name), n));
  return out;
}

TEST(FunctionChecks, FindTheMajoritysSensitivity) {
  const struct {
    std::int64_t bits;
    double sensitivity;
  } known[] = {{4, 1.5}, {7, 2.1875}, {10, 2.4609375}};
  for (const auto& [bits, sensitivity] : known) {
    const FunctionFound f = function_found(target("majority"), bits);
    EXPECT_TRUE(f.boolean);
    EXPECT_EQ(f.by_flips, sensitivity);
    EXPECT_EQ(f.by_transform, sensitivity);
    EXPECT_EQ(f.weights, 1);
  }
  const FunctionFound mean = function_found(target("mean"), 4);
  EXPECT_FALSE(mean.boolean);
  EXPECT_EQ(mean.by_flips, 0.25);
  EXPECT_EQ(mean.squares, 0.25);
}

TEST(FunctionChecks, LabelsInPiecesAreTheLabels) {
  const Target t = random_target(15, {3, 4});  // more strings than a piece has
  EXPECT_EQ(all_labels(t, 15).to_vector<double>(), t.labels(all_strings(15)).to_vector<double>());
  EXPECT_THROW(all_labels(target("parity"), 21), Error);
}

TEST(FunctionChecks, PassAndFailOnPlantedErrors) {
  using enum Verdict;
  const auto after = [](auto change) {
    std::vector<FunctionFound> found = small_functions();
    change(found[5]);  // a majority
    change(found[7]);  // a mean
    return verdicts(function_claims(found));
  };
  for (const auto& [id, verdict] : after([](FunctionFound&) {})) EXPECT_EQ(verdict, pass) << id;
  EXPECT_EQ(after([](FunctionFound& f) { f.by_transform *= 1 + 1e-11; }).at("flips"), fail);
  EXPECT_EQ(after([](FunctionFound& f) { f.weights -= 1e-11; }).at("weights"), fail);
  EXPECT_EQ(after([](FunctionFound& f) { f.weights = f.squares = 0.5; }).at("weights"), fail);
  const auto form = after([](FunctionFound& f) { f.closed_form *= 1 + 1e-11; });
  EXPECT_EQ(form.at("closed-form"), fail);
  EXPECT_EQ(form.at("closed-form-mean"), pass);
  EXPECT_EQ(after([](FunctionFound& f) { f.closed_form *= 1 + 1e-5; }).at("closed-form-mean"),
            fail);
  EXPECT_THROW(function_claims({}), Error);
}

TEST(RandomFunctions, HaveHalfTheirBitsOnAverage) {
  using enum Verdict;
  const std::vector<double> found = random_sensitivities(20, 1);
  EXPECT_EQ(random_claim(found).verdict, pass);
  EXPECT_EQ(every_function_claim().verdict, pass);
  EXPECT_NE(random_sensitivities(1, 2)[0], found[0]);
  std::vector<double> shifted = found;
  for (double& v : shifted) v += 0.1;
  EXPECT_EQ(random_claim(shifted).verdict, fail);
  // An interval that is too wide tells nothing.
  EXPECT_EQ(random_claim({4, 6}).verdict, fail);
  EXPECT_EQ(random_claim({5}).verdict, fail);
}

TEST(SharpnessChecks, PassAndFailOnPlantedErrors) {
  using enum Verdict;
  const SharpnessFound found = sharpness_found(0.5, 300, 7);
  for (const auto& [id, verdict] : verdicts(sharpness_claims(found)))
    EXPECT_EQ(verdict, pass) << id;
  const auto after = [&](auto change) {
    SharpnessFound f = found;
    change(f);
    return verdicts(sharpness_claims(f));
  };
  EXPECT_EQ(after([](auto& f) { f.orthogonal *= 1 + 1e-10; }).at("sphere"), fail);
  EXPECT_EQ(after([](auto& f) { f.round = 1e-10; }).at("sphere-draws"), fail);
  EXPECT_EQ(after([](auto& f) { f.sphere.value *= 1.2; }).at("sphere-sampled"), fail);
  // Noise of that deviation without the division by sqrt(p) is caught, whatever its error.
  EXPECT_EQ(after([](auto& f) {
              f.gaussian.value *= 64;
              *f.gaussian.std_error *= 64;
            }).at("gaussian-sampled"),
            fail);
  EXPECT_EQ(after([](auto& f) { f.outputs = 1e-10; }).at("outputs"), fail);
}

TEST(ModelChecks, BlowupAndSizes) {
  for (const Claim& c : blowup_claims()) EXPECT_EQ(c.verdict, Verdict::pass) << c.id;
  EXPECT_EQ(size_claim().verdict, Verdict::pass);
}

TEST(FunctionChecks, TableAndFigure) {
  const std::vector<FunctionFound> found = small_functions();
  EXPECT_EQ(table_of(found).rows.size(), 12u);
  const Table points = sensitivity_figure(found, 20).figure.table();
  EXPECT_NE(points.csv().find("sqrt(2 n / pi),line,2,1.12837"), std::string::npos) << points.csv();
  EXPECT_NE(points.csv().find("\"floor, parity\",line,20,0.5"), std::string::npos);
}

}  // namespace
}  // namespace sonde::experiments
