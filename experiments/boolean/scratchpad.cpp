#include "experiments/boolean/scratchpad.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "analysis/ratio.hpp"
#include "experiments/boolean/scaling.hpp"
#include "experiments/common/criteria.hpp"

namespace sonde::experiments {
namespace {

std::vector<std::int64_t> lengths_of(const std::vector<ScratchpadRun>& runs) {
  TrainedRuns all;
  for (const ScratchpadRun& r : runs) all.push_back(r.trained);
  return lengths_of(all);
}

// The greatest share of right answers up to a step; nothing if none was looked at.
std::optional<double> answered_within(const ScratchpadRun& run, std::int64_t steps) {
  std::optional<double> best;
  for (const Decoded& d : run.course)
    if (d.step <= steps) best = std::max(best.value_or(0), d.answer);
  return best;
}

Claim written_claim(const std::vector<ScratchpadRun>& runs, const ScratchpadCriterion& c) {
  Sample by_seed;
  for (const ScratchpadRun& r : runs)
    if (r.trained.of.length == c.length)
      if (const auto best = answered_within(r, c.steps)) by_seed.push_back(*best);
  return judge_if(
      "written", fmt::format("With a scratchpad PARITY of {} bits is learnt", c.length),
      fmt::format("the share of strings whose last step is right, decoded step by step, within {} "
                  "steps of training, has a 95 % interval over seeds above {:g}",
                  c.steps, c.written),
      mean_if_any(by_seed), Side::above, c.written, "no such run");
}

Claim plain_claim(const std::vector<PlainRun>& runs, const ScratchpadCriterion& c) {
  Sample by_seed;
  for (const PlainRun& r : runs)
    if (r.of.length == c.length && r.of.steps == c.plain_steps) by_seed.push_back(r.accuracy);
  return judge_if(
      "plain", fmt::format("Without one PARITY of {} bits is not learnt", c.length),
      fmt::format("the share of right answers after {} steps has a 95 % interval over seeds below "
                  "{:g}",
                  c.plain_steps, c.guessed),
      mean_if_any(by_seed), Side::below, c.guessed, "no such run");
}

Claim flat_claim(const TrainedRuns& scratchpads, const TrainedRuns& parities, double share) {
  const std::string
      id = "flat",
      statement = "With a scratchpad sharpness does not grow with the length as PARITY's does",
      criterion = fmt::format(
          "the mean over seeds of the magnitude of the slope of sharpness by length, "
          "over the mean slope of PARITY without a scratchpad, has a 95 % interval "
          "(Fieller's) below {:g}; that slope's mean is positive",
          share);
  const Estimate quotient = slope_quotient(scratchpads, parities);
  if (quotient.n == 0) return undecided(id, statement, criterion, "no seed has both lines");
  if (quotient.value <= 0)
    return undecided(id, statement, criterion, "the slope of PARITY is not positive");
  Claim claim = judge(id, statement, criterion, quotient, Side::below, share);
  if (!quotient.ci95 && quotient.n >= 3)
    claim.reason = "the slope of PARITY does not differ from 0, so the quotient has no interval";
  return claim;
}

}  // namespace

Sample steps_to_write(const std::vector<ScratchpadRun>& runs, const ScratchpadCriterion& c) {
  Sample out;
  for (const ScratchpadRun& r : runs) {
    if (r.trained.of.length != c.length) continue;
    const auto right =
        std::ranges::find_if(r.course, [&](const Decoded& d) { return d.answer >= c.written; });
    if (right != r.course.end()) out.push_back(static_cast<double>(right->step));
  }
  return out;
}

bool solved(const ScratchpadRun& run) {
  return !run.course.empty() && run.course.back().answer > 0.999;
}

TrainedRuns solved_runs(const std::vector<ScratchpadRun>& runs) {
  TrainedRuns out;
  for (const ScratchpadRun& r : runs)
    if (solved(r)) out.push_back(r.trained);
  return out;
}

TrainedRuns solved_decoders(const std::vector<ScratchpadRun>& runs) {
  TrainedRuns out;
  for (const ScratchpadRun& r : runs) {
    if (!solved(r)) continue;
    out.push_back(r.trained);
    out.back().found.blowup = r.decoder.mean;
    out.back().found.log_blowup = r.decoder.log_mean;
    out.back().found.theory_log_blowup = r.decoder.theory_log_mean;
    out.back().found.theory_squared_blowup = r.decoder.theory_square_mean;
  }
  return out;
}

std::string unsolved_text(const std::vector<ScratchpadRun>& runs) {
  std::vector<std::string> parts;
  for (const std::int64_t n : lengths_of(runs)) {
    const auto of_length = [n](const ScratchpadRun& r) { return r.trained.of.length == n; };
    const auto all = std::ranges::count_if(runs, of_length),
               lost = std::ranges::count_if(
                   runs, [&](const ScratchpadRun&r) { return of_length(r) && !solved(r); });
    if (lost > 0) parts.push_back(fmt::format("{} bits {} of {}", n, lost, all));
  }
  return parts.empty() ? "none" : fmt::format("{}", fmt::join(parts, ", "));
}

Estimate slope_quotient(const TrainedRuns& scratchpads, const TrainedRuns& parities) {
  Sample over, under;
  for (const std::uint64_t seed : seeds_of(scratchpads)) {
    const auto with = sharpness_lines(of_seed(scratchpads, seed)),
               without = sharpness_lines(of_seed(parities, seed));
    if (with.empty() || without.empty()) continue;
    over.push_back(std::abs(with.begin()->second.slope.value));
    under.push_back(without.begin()->second.slope.value);
  }
  if (over.empty() || mean(under) == 0) return {.n = 0};
  return ratio_of_means(over, under);
}

std::vector<Claim> scratchpad_claims(const std::vector<ScratchpadRun>& scratchpads,
                                     const std::vector<PlainRun>& plain,
                                     const TrainedRuns& parities, const ScratchpadCriterion& c) {
  return {written_claim(scratchpads, c), plain_claim(plain, c),
          flat_claim(solved_runs(scratchpads), parities, c.slope_share)};
}

Table table_of(const std::vector<ScratchpadRun>& scratchpads, const std::vector<PlainRun>& plain,
               const TrainedRuns& parities) {
  Table table{.columns = {"kind", "length", "seed", "batch", "steps", "kept", "loss", "accuracy",
                          "tokens", "label_sharpness", "label_sharpness_error", "output_sharpness",
                          "output_sharpness_error", "radius", "norm", "log_blowup",
                          "theory_log_blowup", "decoder_log_blowup", "decoder_theory_log_blowup"}};
  const auto begin = [](const std::string& kind, const BitCase& c) {
    std::vector<std::string> row{kind};
    for (const std::int64_t v : {c.length, static_cast<std::int64_t>(c.seed), c.batch, c.steps})
      row.push_back(std::to_string(v));
    return row;
  };
  const auto add = [&](std::vector<std::string> row, const std::vector<double>& numbers) {
    for (const double v : numbers) row.push_back(csv_number(v));
    row.resize(table.columns.size());
    table.add(std::move(row));
  };
  const auto measured = [](const BitMeasurement& m) {
    return std::vector<double>{m.label_sharpness.value,
                               m.label_sharpness.std_error.value_or(0),
                               m.output_sharpness.value,
                               m.output_sharpness.std_error.value_or(0),
                               m.radius,
                               m.norm,
                               m.log_blowup,
                               m.theory_log_blowup};
  };
  for (const ScratchpadRun& r : scratchpads) {
    const bool kept = solved(r) && converged(r.trained);
    std::vector<double> numbers{kept ? 1.0 : 0.0, r.trained.found.loss, r.course.back().answer,
                                r.course.back().tokens};
    for (const double v : measured(r.trained.found)) numbers.push_back(v);
    numbers.insert(numbers.end(), {r.decoder.log_mean, r.decoder.theory_log_mean});
    add(begin("scratchpad", r.trained.of), numbers);
  }
  for (const PlainRun& r : plain) add(begin("plain", r.of), {0, r.loss, r.accuracy});
  for (const TrainedBits& t : parities) {
    std::vector<std::string> row = begin("parity", t.of);
    row.push_back(converged(t) ? "1" : "0");
    row.push_back(csv_number(t.found.loss));
    row.resize(row.size() + 2);
    add(row, measured(t.found));
  }
  return table;
}

Figure course_figure(const std::vector<ScratchpadRun>& runs) {
  Figure f("course", "Answers decoded step by step", {.label = "steps of training"},
           {.label = "share of right answers", .from_zero = true});
  f.use_tones();
  for (const std::int64_t n : lengths_of(runs)) {
    std::map<std::int64_t, Sample> by_step;
    for (const ScratchpadRun& r : runs)
      if (r.trained.of.length == n)
        for (const Decoded& d : r.course) by_step[d.step].push_back(d.answer);
    std::vector<double> x, y;
    for (const auto& [step, answers] : by_step) {
      x.push_back(static_cast<double>(step));
      y.push_back(mean(answers));
    }
    f.line(fmt::format("{} bits", n), x, y);
  }
  f.level("guessing", 0.5);
  return f;
}

}  // namespace sonde::experiments
