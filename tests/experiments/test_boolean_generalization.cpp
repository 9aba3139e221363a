// Functions learnt of a part against random completions: the parts, the jobs, the verdicts on
// planted findings, and a whole run that is interrupted.
#include <cmath>
#include <map>
#include <numbers>

#include "analysis/boolean.hpp"
#include "experiments/boolean/generalization_claims.hpp"
#include "experiments/common/program.hpp"
#include "program_run.hpp"

namespace sonde::experiments {
namespace {

Estimate number_of(const std::optional<Estimate>& e) {
  EXPECT_TRUE(e);
  return e.value_or(Estimate{.value = NAN});
}
Interval interval_of(const std::optional<Estimate>& e) {
  return number_of(e).ci95.value_or(Interval{NAN, NAN});
}

TEST(ShownPart, StreamsAreIndependent) {
  const ShownPart part{.seed = 3, .length = 8, .size = 64};
  ShownPart larger = part, another = part, other = part;
  larger.size = 128;
  another.subset = 1;
  other.seed = 4;
  EXPECT_EQ(whole_table(part), whole_table(larger));
  EXPECT_EQ(whole_table(part), whole_table(another));
  EXPECT_NE(whole_table(part), whole_table(other));
  EXPECT_NE(shown_rows(part), shown_rows(another));
  EXPECT_NE(shown_rows(part), shown_rows(other));
  EXPECT_NE(random_completion(part), random_completion(another));
  const auto rows = shown_rows(part);
  EXPECT_EQ(rows.size(), 64u);
  EXPECT_TRUE(std::ranges::is_sorted(rows, std::less_equal{}));  // so that none is there twice
  EXPECT_GE(rows.front(), 0);
  EXPECT_LT(rows.back(), 256);
  for (const std::int64_t size : {0, 257}) {
    larger.size = size;
    EXPECT_THROW(shown_rows(larger), Error);
  }
}

TEST(ShownPart, CompletionsHaveWhatIsShownAndChanceElsewhere) {
  std::int64_t differ = 0, elsewhere = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const ShownPart part{.seed = seed, .length = 8, .size = 100};
    const BitTable whole = whole_table(part), completed = random_completion(part);
    const auto rows = shown_rows(part);
    for (std::size_t x = 0; x < 256; ++x) {
      if (std::ranges::binary_search(rows, static_cast<std::int64_t>(x))) {
        ASSERT_EQ(completed[x], whole[x]);
      } else {
        ++elsewhere;
        differ += completed[x] != whole[x];
      }
    }
  }
  ASSERT_EQ(elsewhere, 20 * 156);
  EXPECT_NEAR(static_cast<double>(differ) / static_cast<double>(elsewhere), 0.5, 0.04);
}

TEST(ShownPart, OfEverythingThereIsOneCompletion) {
  const ShownPart part{.seed = 5, .length = 6, .size = 64};
  EXPECT_EQ(random_completion(part), whole_table(part));
  EXPECT_EQ(completion_of(random_completion(part)).sensitivity,
            completion_of(whole_table(part)).sensitivity);
}

TEST(Completion, SensitivityAndProfileAreThoseOfTheTable) {
  const BitTable table = whole_table({.seed = 9, .length = 5});
  double flips = 0;
  for (std::size_t x = 0; x < 32; ++x)
    for (std::size_t i = 1; i < 32; i *= 2) flips += table[x] != table[x ^ i];
  const Completion c = completion_of(table);
  EXPECT_EQ(c.sensitivity, flips / 32);
  ASSERT_EQ(c.profile.size(), 6u);
  double sum = 0, degree = 0;
  for (std::size_t k = 0; k < 6; ++k) {
    sum += c.profile[k];
    degree += static_cast<double>(k) * c.profile[k];
  }
  EXPECT_NEAR(sum, 1, 1e-12);
  EXPECT_NEAR(degree, c.sensitivity, 1e-12);
  BitTable parity;
  for (std::uint32_t x = 0; x < 32; ++x) parity.push_back(std::popcount(x) % 2);
  EXPECT_NEAR(completion_of(parity).profile[5], 1, 1e-12);
}

const GeneralizationOptions tiny{.length = 4,
                                 .width = 8,
                                 .sizes = {8, 16},
                                 .steps = 3000,
                                 .fits = 2,
                                 .fit_steps = 40,
                                 .lr = 5e-3,
                                 .draws = 3};

Json run_whole(Job& job) {
  while (!job.advance()) {
  }
  return job.result();
}

// Shown everything, a network that fits has learnt the function itself.
TEST(LearningJob, EndsWithTheFunctionOfTheNetwork) {
  const ShownPart part{.seed = 2, .length = 4, .size = 16};
  const Json json = run_whole(*learning_job(part, tiny));
  const Learnt l = learnt_from_json(json);
  ASSERT_LT(l.steps, tiny.steps);
  EXPECT_GT(l.loss, 0);
  EXPECT_LT(l.loss, 2e-3);
  EXPECT_TRUE(l.fits);
  EXPECT_EQ(l.learnt.table, whole_table(part));
  EXPECT_EQ(l.random.table, whole_table(part));
  EXPECT_EQ(to_json(l), json);
  // With too few steps it gives what it has, which is told from a fit.
  GeneralizationOptions one = tiny;
  one.steps = 1;
  const Learnt early = learnt_from_json(run_whole(*learning_job(part, one)));
  EXPECT_EQ(early.steps, 1);
  EXPECT_FALSE(early.fits);
  EXPECT_NE(early.learnt.table, whole_table(part));
}

TEST(LearningJob, OnlyWhatIsShownDecidesAFit) {
  Json json = to_json(learnt_from_json(run_whole(*learning_job({.length = 4, .size = 8}, tiny))));
  const ShownPart part{.length = 4, .size = 8};
  const auto rows = shown_rows(part);
  const BitTable whole = whole_table(part);
  std::string text;
  for (const std::int64_t v : whole) text += v != 0 ? '1' : '0';
  for (std::size_t x = 0; x < 16; ++x) {
    std::string changed = text;
    changed[x] = changed[x] == '1' ? '0' : '1';
    json["table"] = changed;
    EXPECT_EQ(learnt_from_json(json).fits,
              !std::ranges::binary_search(rows, static_cast<std::int64_t>(x)));
  }
}

TEST(FittingJob, MeasuresEverywhereAndOnThePart) {
  FitCase c{.part = {.seed = 2, .length = 4, .size = 16}};
  const BitTable table = whole_table(c.part);
  const Json json = run_whole(*fitting_job(c, table, tiny));
  const Fit all = fit_from_json(json);
  EXPECT_EQ(to_json(all), json);
  EXPECT_EQ(all.sensitivity, completion_of(table).sensitivity);
  EXPECT_EQ(to_json(all.shown), to_json(all.everywhere));  // everything is shown
  EXPECT_NEAR(all.everywhere.radius, tiny.radius, 1e-12);
  EXPECT_GT(all.everywhere.output_sharpness.value, 0);
  c.fit = 1;
  EXPECT_NE(fit_from_json(run_whole(*fitting_job(c, table, tiny))).everywhere.loss,
            all.everywhere.loss);
  c.part.size = 4;
  const Fit part = fit_from_json(run_whole(*fitting_job(c, table, tiny)));
  EXPECT_NE(part.shown.loss, part.everywhere.loss);
  EXPECT_EQ(part.shown.norm, part.everywhere.norm);
}

TEST(FittingJob, GoesOnFromItsState) {
  const FitCase c{.part = {.seed = 2, .length = 4, .size = 8}, .kind = "random"};
  const BitTable table = random_completion(c.part);
  GeneralizationOptions half = tiny;
  half.fit_steps = 20;
  const auto first = fitting_job(c, table, half), second = fitting_job(c, table, tiny),
             whole = fitting_job(c, table, tiny);
  run_whole(*first);
  Checkpoint state;
  first->save(state);
  second->restore(state);
  EXPECT_EQ(run_whole(*second), run_whole(*whole));
}

TEST(Generalization, BrokenFindingsAreTold) {
  EXPECT_THROW(learnt_from_json(Json{{"seed", 1}}), Error);
  EXPECT_THROW(fit_from_json(Json{{"kind", 3}}), Error);
  Json json = run_whole(*learning_job({.length = 4, .size = 8}, tiny));
  json["table"] = "0101";
  EXPECT_THROW(learnt_from_json(json), Error);
}

// Planted findings: average sensitivities and sharpness, with a normal error of each number.
struct World {
  double gap = 1;        // of completions over what is learnt of the smaller part
  double growth = 0.5;   // what is learnt of the larger part over that
  double slope = 0.2;    // of sharpness by sensitivity
  double sharper = 0.1;  // completions, beyond that
  double error = 0.02;   // of sharpness
  double spread = 0.1;   // of sensitivities
  int seeds = 10;
  std::uint64_t number = 0;
};

class Normals {
 public:
  explicit Normals(std::uint64_t world) : world_(world) {}
  double operator()() {
    const philox::Block bits = philox::block({world_, 17}, count_++);
    const double u = (bits.word[0] + 0.5) * 0x1p-32, v = bits.word[1] * 0x1p-32;
    return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
  }

 private:
  std::uint64_t world_, count_ = 0;
};

const std::vector<std::int64_t> sizes{64, 128};

Fit fit_of(const ShownPart& part, const std::string& kind, double sensitivity, double sharpness,
           std::int64_t number = 0) {
  Fit f{.of = {part, kind, number}, .sensitivity = sensitivity};
  f.everywhere.label_sharpness = f.everywhere.output_sharpness = Estimate::exact(sharpness);
  f.shown = f.everywhere;
  return f;
}

Generalization planted(const World& w) {
  Normals normal(w.number);
  Generalization g;
  for (int seed = 0; seed < w.seeds; ++seed) {
    const double own = w.error * normal();  // of the seed, common to its functions
    for (const std::int64_t size : sizes) {
      Learnt l{.part = {.seed = static_cast<std::uint64_t>(seed), .size = size}, .fits = true};
      l.learnt.sensitivity = 3 + (size == 128 ? w.growth : 0) + w.spread * normal();
      l.random.sensitivity =
          l.learnt.sensitivity + w.gap + w.spread * normal() * std::numbers::sqrt2;
      l.learnt.profile = l.random.profile = std::vector<double>(9, 1.0 / 9);
      g.parts.push_back(l);
      for (const auto& [kind, s] :
           {std::pair("learnt", l.learnt.sensitivity), std::pair("random", l.random.sensitivity)})
        for (std::int64_t i = 0; i < 2; ++i)
          g.fits.push_back(fit_of(
              l.part, kind, s,
              1 + w.slope * s + (kind[0] == 'r' ? w.sharper : 0) + own + w.error * normal(), i));
    }
  }
  return g;
}

std::map<std::string, Verdict> verdicts(const Generalization& g) {
  std::map<std::string, Verdict> out;
  for (const Claim& c : generalization_claims(g, sizes)) out[c.id] = c.verdict;
  return out;
}

TEST(GeneralizationClaims, OnPlantedFindings) {
  using enum Verdict;
  const auto holds = verdicts(planted({}));
  EXPECT_EQ(holds.size(), 7u);
  for (const auto& [id, verdict] : holds) EXPECT_EQ(verdict, reproduced) << id;
  const auto reversed = verdicts(planted({.gap = -1, .growth = -0.5})),
             blunt = verdicts(planted({.slope = -0.2, .sharper = -0.1}));
  for (const char* id : {"less_64", "less_128", "gap_64", "gap_128", "grows_64_128"})
    EXPECT_EQ(reversed.at(id), not_reproduced) << id;
  for (const char* id : {"association", "sharper"}) EXPECT_EQ(blunt.at(id), not_reproduced) << id;
  const auto small = verdicts(planted({.gap = 0.2, .spread = 0.01}));
  EXPECT_EQ(small.at("less_64"), reproduced);
  EXPECT_EQ(small.at("gap_64"), not_reproduced);
  for (const auto& [id, verdict] : verdicts(planted({.seeds = 2})))
    EXPECT_EQ(verdict, inconclusive) << id;
  for (const auto& [id, verdict] : verdicts({})) EXPECT_EQ(verdict, inconclusive) << id;
}

TEST(GeneralizationClaims, TheShareOfPairs) {
  const auto share = [](int exceptions) {
    Generalization g = planted({});
    for (Learnt& l : g.parts)
      if (l.part.size == 64 && std::cmp_less(l.part.seed, exceptions))
        l.random.sensitivity = l.learnt.sensitivity;  // not less
    return generalization_claims(g, sizes)[0];
  };
  EXPECT_EQ(share(0).verdict, Verdict::reproduced);
  EXPECT_EQ(number_of(share(0).value).value, 1);
  EXPECT_EQ(share(1).verdict, Verdict::inconclusive);    // 0.9 [0.60, 0.98]
  EXPECT_EQ(share(2).verdict, Verdict::not_reproduced);  // 0.8 [0.49, 0.94]
  EXPECT_NEAR(interval_of(share(2).value).high, 0.9433, 1e-4);
}

TEST(GeneralizationClaims, WhatIsNotKeptDoesNotCountAndIsCounted) {
  Generalization g = planted({});
  for (Learnt& l : g.parts)
    if (l.part.seed == 3 && l.part.size == 64) {
      l.fits = false;
      l.learnt.sensitivity = 100;
    }
  for (Fit& f : g.fits)
    if (f.of.kind == "random" && f.of.fit == 1 && f.of.part.seed < 4) {
      f.everywhere.loss = 0.0041;  // 0.001 for labels 0 and 1, and a little
      f.everywhere.label_sharpness.value = -1000;
    } else {
      f.everywhere.loss = 0.0039;
    }
  for (const Claim& c : generalization_claims(g, sizes)) {
    EXPECT_EQ(c.verdict, Verdict::reproduced) << c.id;
    EXPECT_EQ(number_of(c.value).n,
              c.id == "less_64" || c.id == "gap_64" || c.id == "grows_64_128" ? 9 : 10)
        << c.id;
  }
  EXPECT_EQ(unfitted_text(g, sizes), "64 shown: 1 of 10; 128 shown: none of 10");
  EXPECT_EQ(discarded_text(g, sizes),
            "learnt, 64 shown: none of 20; learnt, 128 shown: none of 20; "
            "random, 64 shown: 4 of 20; random, 128 shown: 4 of 20");
  EXPECT_EQ(table_of(g).rows.size(), 20u + 80u);
}

// The correlation of a few points, by hand: without a seed, and its interval.
TEST(GeneralizationClaims, RankAssociationIsAJackknife) {
  Generalization g;
  const double x[] = {1, 2, 3, 4, 5, 6}, y[] = {2, 1, 4, 3, 6, 5};
  for (std::uint64_t i = 0; i < 6; ++i)
    g.fits.push_back(
        fit_of({.seed = i / 2, .subset = static_cast<std::int64_t>(i % 2)}, "learnt", x[i], y[i]));
  const auto number = [](const Fit& f) { return f.everywhere.label_sharpness.value; };
  const auto e = rank_association(g, number);
  // Of ranks with differences of one each, 1 - 6 n / (n (n^2 - 1)): 29 / 35 of six, 3 / 5 of four.
  EXPECT_NEAR(number_of(e).value, 29.0 / 35, 1e-12);
  EXPECT_EQ(number_of(e).n, 3);
  EXPECT_EQ(number_of(e).m, 6);
  EXPECT_NEAR(interval_of(e).low, 29.0 / 35, 1e-12);  // whichever seed is left out, it is the same
  g.fits[0].everywhere.label_sharpness.value = 7;
  const auto changed = rank_association(g, number);
  EXPECT_LT(interval_of(changed).low, number_of(changed).value);
  EXPECT_FALSE(rank_association(g, number, "random"));
}

// Where nothing is to be found, or just as much as the claim asks for, no more than one study in
// twenty may find it.
TEST(GeneralizationClaims, RarelyFindWhatIsNotThere) {
  constexpr int worlds = 1000;
  std::map<std::string, int> found, at_the_bound;
  for (std::uint64_t world = 0; world < worlds; ++world) {
    for (const auto& [id, verdict] :
         verdicts(planted({.gap = 0, .growth = 0, .slope = 0, .sharper = 0, .number = world})))
      found[id] += verdict == Verdict::reproduced;
    for (const auto& [id, verdict] : verdicts(planted({.gap = 0.4, .growth = 0, .number = world})))
      at_the_bound[id] += verdict == Verdict::reproduced;
  }
  EXPECT_EQ(found.size(), 7u);
  for (const auto& [id, count] : found) EXPECT_LE(count, worlds / 20) << id;
  for (const char* id : {"gap_64", "gap_128", "grows_64_128"})
    EXPECT_LE(at_the_bound[id], worlds / 20) << id;
}

// Functions whose sensitivity and sharpness have normal values with Spearman's correlation .3, that
// of Pearson being 2 sin(pi / 6 * .3), two functions of a seed being alike.
TEST(GeneralizationClaims, RankAssociationAtTheBound) {
  constexpr int worlds = 1000;
  const double r = 2 * std::sin(std::numbers::pi / 6 * 0.3);
  int above = 0, below = 0;
  for (std::uint64_t world = 0; world < worlds; ++world) {
    Normals normal(world);
    Generalization g;
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      double x = 0, y = 0;
      for (std::int64_t i = 0; i < 4; ++i) {
        if (i % 2 == 0) {  // the second of each two is near the first
          x = normal();
          y = r * x + std::sqrt(1 - r * r) * normal();
        }
        g.fits.push_back(fit_of({.seed = seed, .subset = i}, "learnt", x + 1e-3 * normal(),
                                y + 1e-3 * normal()));
      }
    }
    const auto e =
        rank_association(g, [](const Fit& f) { return f.everywhere.label_sharpness.value; });
    above += interval_of(e).low > 0.3;
    below += interval_of(e).high < 0.3;
  }
  EXPECT_LE(above, worlds / 20);
  EXPECT_LE(below, worlds / 20);
}

int program(int argc, const char* const* argv) {
  const About about{"generalization", "", "", ""};
  const auto body = [](Run& run, GeneralizationOptions& o) {
    Jobs jobs(run);
    const Generalization g = generalize(jobs, run.settings().seed, run.settings().seeds, o);
    run.results.table = table_of(g);
    run.results.claims = generalization_claims(g, o.sizes);
    run.results.metrics = generalization_metrics(g, o.sizes);
    run.results.figures = generalization_figures(g, o.sizes);
  };
  std::optional<GeneralizationOptions> options;
  return run_program(
      about, [&](Cli& cli) { declare(cli, options.emplace()); },
      [&](Run& run) { body(run, *options); }, argc, argv);
}

const std::vector<std::string> words{
    "--length", "4",           "--sizes", "8",       "16",   "--seeds",  "2",
    "--fits",   "1",           "--width", "8",       "--lr", "5e-3",     "--steps",
    "200",      "--fit-steps", "80",      "--draws", "3",    "--radius", "0.5"};

TEST(Generalization, KilledAtEachCheckpointItResumesToTheSameBits) {
  expect_resumes(program, "generalization", words, 4);
}

TEST(Generalization, ThreadsDoNotChangeWhatIsFound) {
  TempFolder folder;
  const auto found = [&](const std::string& threads) {
    std::vector<std::string> all = words;
    all.insert(all.end(), {"--quiet", "--threads", threads, "--out", folder / threads});
    EXPECT_EQ(run_program_with(program, all).code, 0);
    EXPECT_EQ(summary_of(folder / threads).at("claims").size(), 7u);
    return findings_of(folder / threads);
  };
  EXPECT_EQ(found("1"), found("3"));
}

TEST(Generalization, BadInputIsTold) {
  TempFolder folder;
  const auto with = [&](const std::vector<std::string>& more) {
    return run_program_with(program, overridden({"--out", folder / "run"}, more));
  };
  expect_told(with({"--length", "4", "--sizes", "17"}), bad_usage, {"--sizes", "17", "16"});
  expect_told(with({"--sizes", "64", "64"}), bad_usage, {"--sizes", "twice"});
  expect_told(with({"--length", "1"}), bad_usage, {"--length"});
  expect_told(with({"--length", "4", "--width", "3", "--seeds", "1"}), bad_usage, {"even"});
  expect_told(with({"--fits", "0"}), bad_usage, {"--fits"});
}

}  // namespace
}  // namespace sonde::experiments

int main(int argc, char** argv) {
  return sonde::experiments::programs_or_tests(argc, argv,
                                               {{"generalization", sonde::experiments::program}});
}
