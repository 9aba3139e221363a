// A network measured while it learns: the course against measurements of its own, resuming at every
// point, and verdicts on planted courses.
#include <gtest/gtest.h>

#include <cmath>

#include "analysis/statistics.hpp"
#include "bit_runs.hpp"
#include "experiments/boolean/dynamics.hpp"

namespace sonde::experiments {
namespace {

const BitCase small{.target = "first", .length = 4, .width = 8, .batch = 8, .steps = 7};
const BitCourseOptions options{.how = {.measurement = {.strings = 6, .draws = 5}, .radius = 0.7},
                               .every = 3,
                               .lot = 2,
                               .seconds = 0};

Json run(Job& job) {
  while (!job.advance()) {
  }
  return job.result();
}

TEST(Course, MeasuresEveryFewStepsOnTheSameStrings) {
  const Json found = run(*course_jobs({small}, options)(0));
  const BitCourse course = course_from_json(found);
  EXPECT_EQ(to_json(course), found);
  ASSERT_EQ(course.moments.size(), 3u);
  // Trained alongside, and measured with one lot of draws.
  const auto net = encoder_of(small);
  BitTraining training(*net, target("first"), uniform_bits(8, 4), training_of(small));
  BitProbe probe = probe_of(small);
  const BitMeasurementOptions how = measurement_of(small, probe, options.how);
  const Tensor bits = measured_strings(4, how);
  for (const BitMoment& m : course.moments) {
    EXPECT_EQ(m.step, static_cast<double>(training.steps()));
    probe.follow(*net);
    const BitMeasurement own = probe.measure(bits, target("first").labels(bits), how);
    EXPECT_EQ(m.loss, own.loss);
    EXPECT_EQ(m.norm, own.norm);
    EXPECT_EQ(m.log_blowup, own.log_blowup);
    EXPECT_EQ(m.theory_log_blowup, own.theory_log_blowup);
    // Other draws of the same noise.
    EXPECT_NE(m.output_sharpness, own.output_sharpness.value);
    EXPECT_NEAR(m.output_sharpness, own.output_sharpness.value,
                6 * (m.output_error + *own.output_sharpness.std_error));
    for (int i = 0; i < 3; ++i) training.step();
  }
  EXPECT_NE(course.moments[0].loss, course.moments[1].loss);
  EXPECT_THROW(course_from_json(Json{{"target", "first"}}), Error);
}

TEST(Course, GoesOnToTheSameBitsFromEveryPoint) {
  const JobMaker make = course_jobs({small}, options);
  const Json whole = run(*make(0));
  for (int stop = 0;; ++stop) {
    const auto first = make(0), second = make(0);
    bool over = false;
    for (int i = 0; i < stop && !over; ++i) over = first->advance();
    if (over) {
      EXPECT_EQ(stop, 3 * 3 + 7 + 1);  // lots, steps, and to see that nothing is left
      break;
    }
    Checkpoint state;
    first->save(state);
    second->restore(state);
    EXPECT_EQ(run(*second), whole) << stop;
  }
}

TEST(Course, LotsArePooled) {
  NormalNumbers normal({3, 4});
  std::vector<BitMeasurement> lots;
  Sample all;
  for (const int n : {4, 4, 1, 3}) {
    Sample draws;
    for (int i = 0; i < n; ++i) draws.push_back(normal.next());
    all.insert(all.end(), draws.begin(), draws.end());
    lots.push_back({.norm = 7});
    lots.back().label_sharpness = lots.back().output_sharpness = mean_over_units(draws);
  }
  const Estimate expected = mean_over_units(all);
  const BitMoment m = pooled(50, lots);
  EXPECT_NEAR(m.label_sharpness, expected.value, 1e-14);
  EXPECT_NEAR(m.label_error, *expected.std_error, 1e-14);
  EXPECT_EQ(m.output_error, m.label_error);
  EXPECT_EQ(m.norm, 7);
  EXPECT_EQ(m.step, 50);
}

// A course of 5000 steps that converges at `at`: sharpness before, at convergence and in the 500
// steps from there, and at the end; norm and log blow-up there and at the end.
struct Plan {
  double at = 2000, before = 0.1, then = 0.5, end = 0.3;
  double norm = 18, last_norm = 14, blowup = 0, last_blowup = 2;
};
BitCourse planned(const Plan& p, double weight_decay, std::uint64_t seed) {
  BitCourse course{{.length = 9, .steps = 5000, .weight_decay = weight_decay, .seed = seed}, {}};
  for (double step = 0; step <= 5000; step += 50) {
    const bool learnt = step >= p.at, late = step > p.at + 500;
    course.moments.push_back({.step = step,
                              .loss = learnt ? 0.039 : 0.041,
                              .label_sharpness = !learnt ? p.before
                                                 : late  ? p.end
                                                         : p.then,
                              .norm = late ? p.last_norm : p.norm,
                              .log_blowup = late ? p.last_blowup : p.blowup});
  }
  return course;
}

TEST(Contrasts, OfAPlannedCourse) {
  const DynamicsCriterion c;
  const auto change = [&](const BitCourse& course, double BitMoment::*number) {
    return contrasts::change(number)(course, c);
  };
  const BitCourse course = planned({}, 0.1, 1);
  EXPECT_EQ(converged_at(course), 2000);
  EXPECT_NEAR(*contrasts::jump(course, c), 0.5 - 3 * 0.1, 1e-14);
  EXPECT_NEAR(*change(course, &BitMoment::label_sharpness), -0.2, 1e-14);
  EXPECT_NEAR(*change(course, &BitMoment::norm), -4, 1e-13);
  EXPECT_NEAR(*change(course, &BitMoment::log_blowup), 2, 1e-14);
  const BitCourse early = planned({.at = 450}, 0, 1), late = planned({.at = 3500}, 0, 2),
                  never = planned({.at = 6000}, 0, 3);
  EXPECT_FALSE(contrasts::jump(early, c));
  EXPECT_TRUE(change(early, &BitMoment::norm));
  EXPECT_TRUE(contrasts::jump(late, c));
  EXPECT_FALSE(change(late, &BitMoment::norm));  // 3500 + 500 are the last fifth's first
  EXPECT_FALSE(converged_at(never) || contrasts::jump(never, c) || change(never, &BitMoment::norm));
  EXPECT_EQ(left_out_text({course, early, late, never}),
            "seed 1, weight decay 0: learnt too early to have a before; seed 2, weight decay 0: "
            "learnt too late to have an after; seed 3, weight decay 0: not learnt");
  EXPECT_EQ(left_out_text({course}), "none");
}

TEST(Contrasts, AreAveragedWithinSeeds) {
  const auto jump_of = [](double then) { return Plan{.then = then}; };
  const BitCourses courses{planned(jump_of(1.3), 0, 1), planned(jump_of(2.3), 0.1, 1),
                           planned(jump_of(4.3), 0, 2), planned({.at = 9000}, 0.1, 2),
                           planned({.at = 9000}, 0, 3)};
  const Estimate e = *over_seeds(courses, contrasts::jump);
  EXPECT_NEAR(e.value, (1.5 + 4) / 2, 1e-13);
  EXPECT_EQ(e.n, 2);
  EXPECT_EQ(e.m, 3);
  EXPECT_FALSE(over_seeds({courses[4]}, contrasts::jump));
}

// Three seeds of three weight decays, all numbers a little disturbed.
BitCourses planted(Plan plan, std::uint64_t world = 1, double noise = 0.02,
                   std::uint64_t seeds = 5) {
  NormalNumbers normal({world, 23});
  BitCourses out;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const double own = noise * normal.next();
    for (const double weight_decay : {0.0, 0.1, 0.3}) {
      Plan p = plan;
      for (double* v : {&p.then, &p.last_norm, &p.last_blowup}) *v += own + noise * normal.next();
      out.push_back(planned(p, weight_decay, seed));
    }
  }
  return out;
}

std::map<std::string, Verdict> verdicts(const BitCourses& courses) {
  return verdicts_of(dynamics_claims(courses));
}

TEST(DynamicsClaims, OnPlantedCourses) {
  using enum Verdict;
  const auto holds = verdicts(planted({}));
  EXPECT_EQ(holds.size(), 5u);
  for (const auto& [id, verdict] : holds) EXPECT_EQ(verdict, reproduced) << id;
  const auto reversed = verdicts(
      planted({.before = 0.4, .then = 0.5, .end = 0.9, .last_norm = 20, .last_blowup = -2}));
  for (const auto& [id, verdict] : reversed) EXPECT_EQ(verdict, not_reproduced) << id;
  for (const auto& [id, verdict] : verdicts(planted({}, 1, 0.02, 2)))
    EXPECT_EQ(verdict, inconclusive) << id;
  for (const auto& [id, verdict] : verdicts({})) EXPECT_EQ(verdict, inconclusive) << id;
}

TEST(DynamicsClaims, NormAndBlowupAreThoseWithWeightDecay) {
  BitCourses courses = planted({});
  for (BitCourse& course : courses)
    if (course.of.weight_decay == 0)
      for (BitMoment& m : course.moments) m.norm = m.step;
  EXPECT_EQ(verdicts(courses).at("norm_falls"), Verdict::reproduced);
  std::erase_if(courses, [](const BitCourse& b) { return b.of.weight_decay > 0; });
  EXPECT_EQ(verdicts(courses).at("norm_falls"), Verdict::inconclusive);
  EXPECT_EQ(verdicts(courses).at("jump"), Verdict::reproduced);
}

// Where sharpness rises just threefold and nothing changes afterwards, no more than one study in
// twenty may find what the paper says.
TEST(DynamicsClaims, RarelyFindWhatIsNotThere) {
  constexpr int worlds = 1000;
  std::map<std::string, int> found;
  for (std::uint64_t world = 0; world < worlds; ++world)
    for (const auto& [id, verdict] : verdicts(planted(
             {.before = 0.1, .then = 0.3, .end = 0.3, .last_norm = 18, .last_blowup = 0}, world)))
      found[id] += verdict == Verdict::reproduced;
  EXPECT_EQ(found.size(), 5u);
  for (const auto& [id, count] : found) EXPECT_LE(count, worlds / 20) << id;
}

TEST(Dynamics, FiguresAreAlignedAndNeedAQuarterOfTheRuns) {
  BitCourses courses;
  for (std::uint64_t seed = 1; seed <= 9; ++seed)
    courses.push_back(planned({.at = 1000 + 50 * static_cast<double>(seed)}, 0, seed));
  const auto figures = dynamics_figures(courses);
  ASSERT_EQ(figures.size(), 8u);
  const Table table = figures[1].figure.table();
  EXPECT_EQ(figures[1].figure.name(), "sharpness");
  double first = 1e9, last = -1e9;
  for (const auto& row : table.rows)
    if (row[0] == "weight decay 0" && row[1] == "line") {
      const double x = std::stod(row[2]);
      EXPECT_NEAR(std::stod(row[3]), x < 0 ? 0.1 : x <= 500 ? 0.5 : 0.3, 1e-12) << x;
      first = std::min(first, x);
      last = std::max(last, x);
    }
  // Three of nine runs at least: those that converge last have the longest past.
  EXPECT_EQ(first, -(1000 + 50 * 7));
  EXPECT_EQ(last, 5000 - (1000 + 50 * 3));
  EXPECT_EQ(table_of(courses).rows.size(), 9u);
}

TEST(Dynamics, MetricsCountWhatWasLearnt) {
  BitCourses courses = planted({});
  courses[1] = planned({.at = 9000}, 0.1, 1);
  std::map<std::string, Estimate> values;
  for (const Metric& m : dynamics_metrics(courses)) values[m.name] = m.value;
  EXPECT_EQ(values.at("learnt.0").value, 1);
  EXPECT_EQ(values.at("learnt.0.1").value, 0.8);
  EXPECT_EQ(values.at("converged_at.0.1").value, 2000);
  EXPECT_EQ(values.at("converged_at.0.1").n, 4);
  EXPECT_NEAR(values.at("sharpness_change.0.3").value, -0.2, 0.1);
}

}  // namespace
}  // namespace sonde::experiments
