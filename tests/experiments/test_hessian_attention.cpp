// The claims of hessian_attention, on fewer layers than the program has.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "experiments/hessian/attention_growth.hpp"
#include "experiments/hessian/attention_proof.hpp"
#include "xml_check.hpp"

namespace sonde::experiments {
namespace {

void expect_all_hold(const std::vector<Claim>& claims) {
  std::set<std::string> ids;
  for (const Claim& c : claims) {
    EXPECT_TRUE(c.verdict == Verdict::pass || c.verdict == Verdict::reproduced)
        << c.id << " " << to_string(c.verdict) << " " << c.reason << " "
        << (c.value ? to_string(*c.value) : "");
    EXPECT_TRUE(ids.insert(c.id).second) << c.id << " is there twice";
  }
}

TEST(HessianAttention, ProvesItself) {
  std::int64_t steps = 0;
  const std::vector<Claim> claims = attention_proof(1, 2, [&] { ++steps; });
  EXPECT_EQ(steps, attention_proof_steps(2));
  EXPECT_EQ(claims.size(), 13u);
  expect_all_hold(claims);
}

TEST(HessianAttention, GrowsByItsLaws) {
  std::int64_t steps = 0;
  const AttentionGrowth growth = attention_growth(1, 4, [&] { ++steps; });
  EXPECT_EQ(steps, attention_growth_steps(4));
  EXPECT_EQ(growth.claims.size(), 24u);
  expect_all_hold(growth.claims);
  EXPECT_EQ(growth.table.rows.size(), 2u * 2 * 6 * 4 * 17);
  for (const CaptionedFigure& f : growth.figures) EXPECT_EQ(xml_problem(f.figure.svg()), "");
}

TEST(HessianAttention, HasAMap) {
  EXPECT_EQ(attention_map(1).figure.table().rows.size(), 2u * 48 * 48);
}

TEST(JudgeWithin, TheWholeIntervalDecides) {
  const auto verdict = [](double low, double high, std::int64_t n = 5) {
    const Estimate value{.value = (low + high) / 2, .ci95 = Interval{low, high}, .n = n};
    return judge_within("id", "", "", value, {1, 2}).verdict;
  };
  EXPECT_EQ(verdict(1.2, 1.9), Verdict::reproduced);
  EXPECT_EQ(verdict(0.9, 1.9), Verdict::inconclusive);
  EXPECT_EQ(verdict(0.5, 2.5), Verdict::inconclusive);
  EXPECT_EQ(verdict(0.5, 0.9), Verdict::not_reproduced);
  EXPECT_EQ(verdict(2.1, 3), Verdict::not_reproduced);
  EXPECT_EQ(verdict(1.2, 1.9, 2), Verdict::inconclusive);  // too few units
  EXPECT_EQ(verdict(std::nan(""), std::nan("")), Verdict::inconclusive);
}

TEST(AllHold, OneThatFailsDecidesAndWhatMustHoldExactlyIsLeftOut) {
  const auto with = [](std::initializer_list<Verdict> verdicts) {
    std::vector<Claim> parts;
    for (const Verdict v : verdicts)
      parts.push_back(
          {.id = std::string(to_string(v)), .statement = "", .criterion = "", .verdict = v});
    return all_hold("id", "", "", parts);
  };
  EXPECT_EQ(with({Verdict::reproduced, Verdict::fail}).verdict, Verdict::reproduced);
  EXPECT_EQ(with({Verdict::reproduced, Verdict::inconclusive}).verdict, Verdict::inconclusive);
  EXPECT_EQ(with({Verdict::reproduced, Verdict::inconclusive}).reason, "inconclusive");
  EXPECT_EQ(with({Verdict::inconclusive, Verdict::not_reproduced}).reason, "not reproduced");
  EXPECT_EQ(with({Verdict::pass}).verdict, Verdict::inconclusive);
  Claim claim{.id = "", .statement = "", .criterion = "", .verdict = Verdict::reproduced};
  EXPECT_EQ(left_open(claim, "why").verdict, Verdict::inconclusive);
  claim.verdict = Verdict::fail;
  EXPECT_EQ(left_open(claim, "why").verdict, Verdict::fail);
}

}  // namespace
}  // namespace sonde::experiments
