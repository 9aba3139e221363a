// The study of strings of two cues: what strings are made of, closed forms against counting, the
// networks, verdicts on planted runs and in worlds without the effect, and a run that is killed.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numbers>

#include "analysis/sensitivity.hpp"
#include "autograd/ops.hpp"
#include "experiments/tokens/findings.hpp"
#include "experiments/tokens/networks.hpp"
#include "experiments/tokens/programs.hpp"
#include "experiments/tokens/rules.hpp"
#include "nn/state_dict.hpp"
#include "program_run.hpp"

namespace sonde::experiments {
namespace {

// 1 or 2 sparse tokens, 3 frequent ones, 2 or 3 of the label's, among 6.
const TokenWorld small{.length = 6,
                       .sparse = 1,
                       .frequent = 2,
                       .irrelevant = 3,
                       .most_sparse = 2,
                       .frequent_count = 3,
                       .least_majority = 2,
                       .greatest_majority = 3};

TEST(TokenStrings, HaveWhatTheyShould) {
  const TokenWorld world;
  EXPECT_EQ(world.vocabulary(), 60);
  const TokenSet set = draw_tokens(world, 300, {5, 6});
  const std::vector<double> labels = set.labels.to_vector<double>();
  const std::vector<TokenCounts> counts = counts_of(world, set.tokens);
  std::map<std::int64_t, int> sparse, majority;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const TokenCounts& c = counts[i];
    const bool one = labels[i] == 1;
    EXPECT_EQ(c[one ? 1 : 0], 0);
    ++sparse[c[one ? 0 : 1]];
    ++majority[c[one ? 2 : 3]];
    EXPECT_EQ(c[2] + c[3], 20);
    EXPECT_EQ(c[0] + c[1] + c[2] + c[3] + c[4], 50);
    EXPECT_EQ(sparse_rule()(c), one);
    EXPECT_EQ(frequent_rule()(c), one);
  }
  EXPECT_EQ(sparse.size(), 5u);
  EXPECT_EQ(sparse.begin()->first, 1);
  EXPECT_EQ(majority.size(), 5u);
  EXPECT_EQ(majority.begin()->first, 12);
  for (const auto& [number, times] : sparse) EXPECT_NEAR(times, 60, 40) << number;
  EXPECT_NEAR(mean(labels), 0.5, 0.15);
}

TEST(TokenStrings, OfACueDifferInTheSparseTokensOnly) {
  TokenWorld world;
  const TokenSet both = draw_tokens(world, 200, {1, 2});
  world.cue = SparseCue::conflict;
  const TokenSet conflict = draw_tokens(world, 200, {1, 2});
  world.cue = SparseCue::random;
  const TokenSet random = draw_tokens(world, 200, {1, 2});
  EXPECT_EQ(both.labels.to_vector<double>(), random.labels.to_vector<double>());
  const auto a = counts_of(world, both.tokens), b = counts_of(world, conflict.tokens),
             c = counts_of(world, random.tokens);
  int mixed = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i][0], b[i][1]);
    EXPECT_EQ(a[i][1], b[i][0]);
    EXPECT_EQ(a[i][0] + a[i][1], c[i][0] + c[i][1]);
    mixed += c[i][0] > 0 && c[i][1] > 0;
    for (std::size_t kind = 2; kind < token_kinds; ++kind) EXPECT_EQ(a[i][kind], c[i][kind]);
  }
  EXPECT_GT(mixed, 20);
  // The first strings of more are the same; another key has others.
  EXPECT_EQ(draw_tokens({}, 3, {1, 2}).tokens.to_vector<std::int64_t>(),
            both.tokens.slice(0, 0, 3).contiguous().to_vector<std::int64_t>());
  EXPECT_NE(draw_tokens({}, 3, {1, 3}).tokens.to_vector<std::int64_t>(),
            both.tokens.slice(0, 0, 3).contiguous().to_vector<std::int64_t>());
}

// Nothing tells where a string's tokens stand.
TEST(TokenStrings, AreShuffled) {
  const TokenSet set = draw_tokens({}, 2000, {9, 9});
  std::vector<int> sparse_at(50);
  const std::vector<std::int64_t> all = set.tokens.to_vector<std::int64_t>();
  for (std::size_t i = 0; i < all.size(); ++i) sparse_at[i % 50] += all[i] < 10;
  for (const int times : sparse_at) EXPECT_NEAR(times, 120, 60);  // 3 of 50 in 2000 strings
}

TEST(TokenStrings, RefuseWhatDoesNotFit) {
  EXPECT_THROW(draw_tokens({.length = 24}, 1, {}), Error);
  EXPECT_THROW(draw_tokens({.greatest_majority = 21}, 1, {}), Error);
  EXPECT_THROW(draw_tokens({.most_sparse = 0}, 1, {}), Error);
}

TEST(TokenRules, CompositionsHaveTheirProbabilities) {
  for (const SparseCue cue : {SparseCue::label, SparseCue::random, SparseCue::conflict}) {
    TokenWorld world = small;
    world.cue = cue;
    double total = 0;
    std::map<TokenCounts, double> expected;
    for_compositions(world, [&](const TokenCounts& c, bool, double p) {
      total += p;
      expected[c] += p;
    });
    EXPECT_NEAR(total, 1, 1e-12);
    constexpr std::int64_t n = 4000;
    std::map<TokenCounts, double> found;
    for (const TokenCounts& c : counts_of(world, draw_tokens(world, n, {3, 1}).tokens))
      found[c] += 1.0 / n;
    for (const auto& [c, share] : found) ASSERT_TRUE(expected.contains(c));
    for (const auto& [c, p] : expected)
      EXPECT_NEAR(found[c], p, 5 * std::sqrt(p * (1 - p) / n)) << static_cast<int>(cue);
  }
}

// By hand: of one sparse token the majority is gone with it (tie: label 0), of two it takes one of
// the other side to tie; a tie is 0, so that only strings of label 1 change.
TEST(TokenRules, SensitivityByHand) {
  const TokenCounts one{1, 0, 2, 1, 2}, two{2, 0, 2, 1, 1}, none{0, 1, 1, 2, 2};
  // One: replaced (1 of 6 places) by anything but its like (8 of 9 tokens); or a 0-token comes to
  // one of the 5 other places (1 of 9).
  EXPECT_NEAR(rule_sensitivity(sparse_rule(), small, one), (1 * 8 + 5 * 1) / 54.0, 1e-15);
  // Two: one of them becomes the other.
  EXPECT_NEAR(rule_sensitivity(sparse_rule(), small, two), (2 * 1) / 54.0, 1e-15);
  // Label 0 with one: it must become the other.
  EXPECT_NEAR(rule_sensitivity(sparse_rule(), small, none), (1 * 1) / 54.0, 1e-15);
  // Frequent 2 : 1 ties, and so changes, when one of the two is gone for anything but its like and
  // its opposite, 5 of 9 (2 of 9 turn it over), or one of the minority comes to the 3 others.
  EXPECT_NEAR(rule_sensitivity(frequent_rule(), small, one), (2 * 7 + 3 * 2) / 54.0, 1e-15);
}

TEST(TokenRules, ClosedFormsOfTheStudy) {
  const TokenWorld both, alone{.cue = SparseCue::random};
  EXPECT_EQ(rule_sensitivity(frequent_rule(), both), 0);
  EXPECT_EQ(rule_sensitivity(frequent_rule(), alone), 0);
  // One sparse token: half of (1/50 55/60 + 49/50 5/60) for label 1, 1/50 5/60 for label 0. Two:
  // half of 2/50 5/60. A fifth of the strings have each.
  const double expected = 0.2 * (0.5 * (55 + 49 * 5 + 5) + 0.5 * (2 * 5)) / (50 * 60);
  EXPECT_NEAR(rule_sensitivity(sparse_rule(), both), expected, 1e-15);
  EXPECT_NEAR(rule_accuracy(sparse_rule(), both), 1, 1e-12);
  EXPECT_NEAR(rule_accuracy(sparse_rule(), alone), 0.5, 1e-12);
  EXPECT_NEAR(rule_accuracy(frequent_rule(), alone), 1, 1e-12);
}

TEST(TokenRules, ChecksPassAndFail) {
  using enum Verdict;
  EXPECT_EQ(sampled_claim(sparse_rule(), small, "x", 400, 10, {1, 1}).verdict, pass);
  EXPECT_EQ(sampled_claim(frequent_rule(), {}, "x", 50, 5, {1, 1}).verdict, pass);
  EXPECT_EQ(replaced_claim(small, 30, {2, 2}).verdict, pass);
  // A rule with another threshold than its closed form would be seen.
  TokenWorld other = small;
  other.irrelevant = 30;
  const double exact = rule_sensitivity(sparse_rule(), small);
  const Claim of_other = sampled_claim(sparse_rule(), other, "x", 400, 10, {1, 1});
  EXPECT_GT(std::abs(of_other.value->value - exact), 5 * *of_other.value->std_error);
}

TEST(TokenNetworks, TellOneNumberOfEachString) {
  const TokenSet set = draw_tokens({}, 3, {4, 4});
  for (const std::string& name : token_network_names()) {
    const auto net = token_network(name, {.width = 6}, {1, 1});
    EXPECT_EQ((*net)(Var(set.tokens)).shape(), (Dims{3})) << name;
  }
  EXPECT_THROW(token_network("gru", {}, {1, 1}), Error);
}

// Against sums over pairs of tokens, one by one.
TEST(TokenNetworks, AttentionIsWhatItSays) {
  const auto net = token_network("attention", {.vocabulary = 9, .length = 6, .width = 4}, {1, 7});
  const TokenSet set = draw_tokens(small, 5, {8, 8});
  const NamedTensors w = nn::state_dict(*net);
  const std::vector<double> found = (*net)(Var(set.tokens)).tensor().to_vector<double>();
  for (std::int64_t i = 0; i < 5; ++i) {
    const auto token = [&](std::int64_t t) {
      return static_cast<std::int64_t>(set.tokens.at({i, t}));
    };
    double logit = w.at("head.bias").at({0});
    for (std::int64_t t = 0; t < 6; ++t) {
      double norm = 0;
      for (std::int64_t s = 0; s < 6; ++s) norm += std::exp(w.at("W_QK").at({token(t), token(s)}));
      for (std::int64_t s = 0; s < 6; ++s)
        for (std::int64_t j = 0; j < 4; ++j)
          logit += std::exp(w.at("W_QK").at({token(t), token(s)})) / norm / 6 *
                   w.at("W_v").at({token(s), j}) * w.at("head.weight").at({0, j});
    }
    EXPECT_NEAR(found[static_cast<std::size_t>(i)], logit, 1e-5);
  }
}

// The sum of rows is the product with one-hots side by side.
TEST(TokenNetworks, TheMlpSeesOneHots) {
  const auto net = token_network("mlp", {.vocabulary = 9, .length = 6, .width = 4}, {1, 7});
  const TokenSet set = draw_tokens(small, 5, {8, 8});
  const NamedTensors w = nn::state_dict(*net);
  const Var x = reshape(one_hot(set.tokens, 9, DType::f32), {5, 54}),
            hidden = relu(matmul(x, w.at("hidden.weight")) + w.at("hidden.bias")),
            out = matmul(hidden, transpose(Var(w.at("head.weight")), 0, 1)) + w.at("head.bias");
  const std::vector<double> expected = out.tensor().to_vector<double>(),
                            found = (*net)(Var(set.tokens)).tensor().to_vector<double>();
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(found[i], expected[i], 1e-5);
}

Json finished(Job& job) {
  while (!job.advance()) {
  }
  return job.result();
}

TEST(TokenJobs, LearnAndTellWhatTheyFound) {
  const TokenCase c{.width = 8, .strings = 200, .batch = 20, .steps = 2000, .lr = 0.01};
  const TrainedTokens t =
      trained_tokens_from_json(finished(*token_jobs({c}, {.strings = 40, .draws = 2})(0)));
  EXPECT_TRUE(t.fits());
  EXPECT_LT(t.steps, 2000);
  EXPECT_EQ(t.steps % c.look_every, 0);
  EXPECT_GT(t.test_accuracy, 0.9);
  EXPECT_EQ(t.parameters, 60 * 60 + 60 * 8 + 8 + 1);
  EXPECT_EQ(t.train.m, 40);
  EXPECT_LT(t.train.value, 0.1);
  EXPECT_EQ(to_json(trained_tokens_from_json(to_json(t))), to_json(t));
  EXPECT_THROW(trained_tokens_from_json(Json{{"network", 1}}), Error);
}

TEST(TokenJobs, GoOnToTheSameBitsFromEveryPart) {
  const TokenCase c{.network = "mlp", .width = 4, .strings = 60, .batch = 20, .steps = 15};
  const JobMaker make = token_jobs({c}, {.strings = 60, .draws = 1});
  const Json whole = finished(*make(0));
  for (int parts = 1;; ++parts) {
    const auto first = make(0), second = make(0);
    bool over = false;
    for (int i = 0; i < parts && !over; ++i) over = first->advance();
    if (over) {
      EXPECT_GT(parts, 6);
      break;
    }
    Checkpoint state;
    first->save(state);
    second->restore(state);
    EXPECT_EQ(finished(*second), whole) << parts;
  }
  EXPECT_THROW(make(0)->restore(Checkpoint{}), Error);
}

TrainedTokens planted(const std::string& network, SparseCue cue, std::uint64_t seed, double s,
                      double accuracy = 1) {
  return {.of = {.network = network, .cue = cue, .seed = seed},
          .train_accuracy = accuracy,
          .train = Estimate::exact(s),
          .test = Estimate::exact(s)};
}

// Sensitivities of attention with both cues and with one, of the MLP, for each seed.
using Planted = std::array<double, 3>;
TokenRuns runs_with(const std::vector<Planted>& seeds) {
  TokenRuns runs;
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    runs.push_back(planted("attention", SparseCue::label, i, seeds[i][0]));
    runs.push_back(planted("attention", SparseCue::random, i, seeds[i][1]));
    for (const SparseCue cue : {SparseCue::label, SparseCue::random})
      runs.push_back(planted("mlp", cue, i, seeds[i][2]));
  }
  return runs;
}

std::map<std::string, Verdict> verdicts(const TokenRuns& runs) {
  std::map<std::string, Verdict> out;
  for (const Claim& c : token_claims(runs)) out[c.id] = c.verdict;
  return out;
}

TEST(TokenClaims, OnPlantedRuns) {
  using enum Verdict;
  const std::vector<Planted> as_claimed{{.01, .03, .05}, {.011, .032, .06}, {.012, .03, .055}};
  for (const auto& [id, verdict] : verdicts(runs_with(as_claimed)))
    EXPECT_EQ(verdict, reproduced) << id;
  const auto reversed = verdicts(runs_with({{.05, .02, .01}, {.06, .021, .01}, {.055, .03, .01}}));
  EXPECT_EQ(reversed.at("lower"), not_reproduced);
  EXPECT_EQ(reversed.at("rises"), not_reproduced);
  EXPECT_EQ(reversed.at("fits"), reproduced);
  for (const auto& [id, verdict] : verdicts(runs_with({as_claimed[0], as_claimed[1]})))
    EXPECT_EQ(verdict, inconclusive) << id;
  for (const auto& [id, verdict] : verdicts({})) EXPECT_EQ(verdict, inconclusive) << id;
}

TEST(TokenClaims, RunsThatDoNotFitCountAsThatAlone) {
  using enum Verdict;
  TokenRuns runs = runs_with({{.01, .03, .05}, {.011, .032, .06}, {.012, .03, .055}, {9, -9, -9}});
  for (TrainedTokens& t : runs)
    if (t.of.seed == 3 && t.of.network == "attention") t.train_accuracy = 0.999;
  const auto found = verdicts(runs);
  EXPECT_EQ(found.at("lower"), reproduced);
  EXPECT_EQ(found.at("rises"), reproduced);
  EXPECT_EQ(found.at("fits"), not_reproduced);
  EXPECT_EQ(unfit_text(runs),
            "attention, both cues: 1 of 4; attention, frequent cue alone: 1 of 4");
  EXPECT_EQ(table_of(runs).rows.size(), 16u);
  EXPECT_EQ(token_figures(runs).size(), 3u);
  for (const Metric& m : token_metrics(runs))
    if (m.name == "sensitivity.attention.both") {
      EXPECT_EQ(m.value.n, 3);
      EXPECT_NEAR(m.value.value, 0.011, 1e-12);
    }
}

// Where neither network nor arm makes a difference, no more than one study in twenty may find one.
TEST(TokenClaims, RarelyFindWhatIsNotThere) {
  constexpr int worlds = 1000;
  for (const std::size_t seeds : {3, 8}) {
    std::map<std::string, int> found;
    for (std::uint64_t world = 0; world < worlds; ++world) {
      std::uint64_t count = 0;
      std::vector<Planted> all(seeds);
      for (Planted& one : all)
        for (double& s : one) {
          const double u = 1 - philox::unit(philox::bits({world, 3}, count++)),
                       v = philox::unit(philox::bits({world, 3}, count++));
          s = 0.002 * std::exp(std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v));
        }
      for (const auto& [id, verdict] : verdicts(runs_with(all)))
        found[id] += verdict == Verdict::reproduced;
    }
    for (const char* id : {"lower", "rises"}) EXPECT_LE(found[id], worlds / 20) << id << seeds;
    EXPECT_EQ(found["fits"], worlds);  // says nothing of sensitivity
  }
}

TEST(SparseTokens, KilledAtEachCheckpointItResumesToTheSameBits) {
  expect_resumes(sparse_tokens, "sparse_tokens",
                 {"--networks", "attention", "mlp", "--seeds", "2", "--width", "4", "--strings",
                  "100", "--steps", "60", "--measured", "60", "--draws", "1", "--threads", "2"},
                 2);
}

TEST(SparseTokens, BadOptionsAreToldInALine) {
  TempFolder folder;
  const auto run = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--quiet", "--out", folder / "out"});
    return run_program_with(sparse_tokens, words);
  };
  expect_told(run({"--networks", "gru"}), 2, {"--networks", "gru"});
  expect_told(run({"--strings", "20"}), 2, {"--batch", "20 strings"});
  expect_told(run({"--steps", "0"}), 2, {"--steps"});
}

}  // namespace
}  // namespace sonde::experiments

int main(int argc, char** argv) {
  return sonde::experiments::programs_or_tests(
      argc, argv, {{"sparse_tokens", sonde::experiments::sparse_tokens}});
}
