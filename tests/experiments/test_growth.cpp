// Growth laws: slopes and claims of points that are known, and norms against exact matrices.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "analysis/gauss_newton.hpp"
#include "autograd/ops.hpp"
#include "experiments/hessian/growth_studies.hpp"

namespace sonde::experiments {
namespace {

GrowthSetting tiny(std::int64_t vectors) {
  return {.id = "tiny",
          .name = "tiny",
          .net = {.width = 4},
          .x = {0.01, 0.1, 1},
          .sequences = 2,
          .repeats = 3,
          .vectors = vectors};
}

// Points that follow |W_V| = sigma^2, |W_Q| = sigma^5, H_o = sigma^6 up to a factor of each repeat.
GrowthPoints lawful(const GrowthSetting& s, double error) {
  GrowthPoints out;
  for (std::int64_t r = 0; r < s.repeats; ++r)
    for (const double sigma : s.x) {
      const double f = 1 + 0.3 * static_cast<double>(r),
                   bent = std::pow(sigma, error * static_cast<double>(r + 1));
      out.push_back({0, "W_Q", sigma, r, f * std::pow(sigma, 5) * bent, f * std::pow(sigma, 6),
                     f * std::pow(sigma, 5)});
      out.push_back({0, "W_V", sigma, r, f * sigma * sigma, f * sigma * sigma, 0});
    }
  return out;
}

Verdict verdict_of(const std::vector<Claim>& claims, const std::string& id) {
  for (const Claim& c : claims)
    if (c.id == id) return c.verdict;
  ADD_FAILURE() << "no claim " << id;
  return {};
}

TEST(Growth, SlopesAreThoseOfTheLaw) {
  const GrowthSetting s = tiny(1);
  const GrowthPoints points = lawful(s, 0);
  EXPECT_NEAR(growth_slope(points, 0, "W_Q", &GrowthPoint::whole, 0, 1).value, 5, 1e-12);
  EXPECT_NEAR(growth_slope(points, 0, "W_Q", &GrowthPoint::outer, 0, 0.1).value, 6, 1e-12);
  const std::vector<Sample> at = series(points, 0, "W_V", &GrowthPoint::whole, 0.1, 0.1);
  ASSERT_EQ(at.size(), 3u);
  EXPECT_NEAR((at[0][0] + at[1][0] + at[2][0]) / 3, 0.013, 1e-15);
  EXPECT_EQ(series(points, 0, "W_V", &GrowthPoint::whole, 0.05, 2)[2].size(), 2u);
}

TEST(Growth, ClaimsSeeWhetherTheLawHolds) {
  GrowthSetting s = tiny(1);
  s.id = "no-norm";
  const std::string id = "no-norm-0-W_Q-whole-slope-small";
  EXPECT_EQ(verdict_of(growth_claims(s, lawful(s, 0)), id), Verdict::reproduced);
  EXPECT_EQ(verdict_of(growth_claims(s, lawful(s, 0.4)), id),
            Verdict::inconclusive);  // repeats differ
  GrowthPoints other = lawful(s, 0);
  for (GrowthPoint& p : other) p.whole *= p.x;
  EXPECT_EQ(verdict_of(growth_claims(s, other), id), Verdict::not_reproduced);
  EXPECT_EQ(verdict_of(growth_claims(s, other), "no-norm-0-W_V-no-functional"), Verdict::pass);
  for (GrowthPoint& p : other) p.functional = p.whole;
  EXPECT_EQ(verdict_of(growth_claims(s, other), "no-norm-0-W_V-no-functional"), Verdict::fail);
}

TEST(Growth, ExactNormsAreThoseOfTheMatrices) {
  const GrowthSetting s = tiny(0);
  std::int64_t calls = 0;
  const GrowthPoints points = measure_growth(s, 5, [&](const GrowthPoints&) { ++calls; });
  EXPECT_EQ(calls, growth_points(s));
  ASSERT_EQ(static_cast<std::int64_t>(points.size()), calls);
  const GrowthPoint& p = points.back();  // the last repeat, sigma = 1, W_V
  const SmallTransformer net({.width = 4, .embedding_std = 1}, {7, 1});
  const Tensor tokens = addition::batch(2, {5, 2}), targets = addition::targets(tokens);
  const ParameterPoint at(net, "blocks.0.attn." + p.block);
  const LinearMap h = hessian_map(at.function([&](nn::Context& ctx) {
    return cross_entropy(net.answer_logits(ctx, tokens), targets);
  }),
                                  at);
  EXPECT_NEAR(norm(dense(h)).item(), p.whole, 1e-12 * p.whole);
}

// Off the diagonal: a part of the matrix of all of attention's weights.
TEST(Growth, BlocksOffTheDiagonalArePartsOfTheMatrix) {
  GrowthSetting s = tiny(0);
  s.all_blocks = true;
  s.x = {1};
  const GrowthPoints points = measure_growth(s, 7);
  const SmallTransformer net({.width = 4, .embedding_std = 1}, {7, 1});
  const Tensor tokens = addition::batch(2, {7, 2}), targets = addition::targets(tokens);
  const ParameterPoint at(net, "blocks.0.attn.W_*");
  const Tensor h = dense(hessian_map(at.function([&](nn::Context& ctx) {
    return cross_entropy(net.answer_logits(ctx, tokens), targets);
  }),
                                     at));
  const auto norm_of = [&](const std::string& row, const std::string& column) {
    const Block &r = at.space.block("blocks.0.attn." + row),
                &c = at.space.block("blocks.0.attn." + column);
    return norm(h.slice(0, r.begin, r.begin + r.size).slice(1, c.begin, c.begin + c.size)).item();
  };
  int seen = 0;
  for (const GrowthPoint& p : points) {
    if (p.repeat != 0) continue;
    const std::size_t dash = p.block.find('-');
    const std::string row = p.block.substr(0, dash),
                      column = dash == std::string::npos ? row : p.block.substr(dash + 1);
    EXPECT_NEAR(p.whole, norm_of(row, column), 1e-12 * norm_of("W_V", "W_V")) << p.block;
    EXPECT_GT(p.whole, 1e-6 * norm_of("W_V", "W_V")) << p.block;
    ++seen;
  }
  EXPECT_EQ(seen, 6);
}

// Points on the counted laws of one study: every claim of it is reproduced.
TEST(Growth, FurtherClaimsAreOfTheCountedExponents) {
  const struct {
    const char* block;
    double outer, functional;
  } laws[] = {{"W_Q", 6, 5},     {"W_K", 6, 5},     {"W_V", 2, 99},
              {"W_Q-W_K", 6, 3}, {"W_V-W_Q", 4, 3}, {"W_V-W_K", 4, 3}};
  const GrowthSetting s = growth_settings("blocks", GrowthScale::quick)[0];
  for (const double off : {0.0, 0.3}) {
    GrowthPoints points;
    for (const auto& [block, outer, functional] : laws)
      for (std::int64_t r = 0; r < s.repeats; ++r)
        for (const double x : s.x)
          points.push_back({0, block, x, r, std::pow(x, std::min(outer, functional) + off),
                            std::pow(x, outer + off),
                            functional > 90 ? 0 : std::pow(x, functional + off)});
    const std::vector<Claim> claims = growth_claims(s, points);
    EXPECT_EQ(claims.size(), 18u);
    for (const Claim& c : claims) {
      const bool holds = c.verdict == Verdict::reproduced || c.verdict == Verdict::pass;
      EXPECT_EQ(holds, off == 0 || c.id == "blocks-0-W_V-no-functional") << c.id;
    }
  }
}

// The mean of many estimates of the squared norm is the squared norm.
TEST(Growth, VectorsEstimateTheNorms) {
  const GrowthPoints exact = measure_growth(tiny(0), 5), estimated = measure_growth(tiny(4000), 5);
  for (std::size_t i = 0; i < exact.size(); ++i) {
    EXPECT_NEAR(estimated[i].whole / exact[i].whole, 1, 0.1) << i;
    EXPECT_NEAR(estimated[i].outer / exact[i].outer, 1, 0.1) << i;
  }
}

TEST(Growth, EveryStudyHasSettingsWithClaims) {
  for (const std::string& study : growth_study_names())
    for (const GrowthScale scale : {GrowthScale::quick, GrowthScale::standard, GrowthScale::full})
      for (const GrowthSetting& s : growth_settings(study, scale)) {
        EXPECT_GE(growth_points(s), 12) << s.id;
        EXPECT_TRUE(std::ranges::is_sorted(s.x)) << s.id;
      }
  EXPECT_THROW(growth_settings("none", GrowthScale::quick), Error);
  for (const PublishedNorm& p : published_norms()) {
    bool measured = false;
    for (const std::string& study : growth_study_names())
      for (const GrowthSetting& s : growth_settings(study, GrowthScale::standard))
        for (const double sigma : s.x)
          measured |= s.id == p.setting && std::abs(sigma / p.sigma - 1) < 1e-9;
    EXPECT_TRUE(measured) << p.setting << " at " << p.sigma;
  }
}

}  // namespace
}  // namespace sonde::experiments
