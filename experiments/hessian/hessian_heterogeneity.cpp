#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/common/program.hpp"
#include "experiments/hessian/along_training.hpp"
#include "experiments/hessian/blocks_study.hpp"
#include "experiments/hessian/contrast.hpp"
#include "experiments/hessian/programs.hpp"

namespace sonde::experiments {
namespace {

const About about{
    .name = "hessian_heterogeneity",
    .measures =
        "The sizes of the elements of a small transformer's exact Hessian at initialisation, for "
        "the weights of queries and of values, with softmax attention and with linear attention; "
        "beside it, if asked for, those of an LSTM and a CNN, and of the transformer while it "
        "learns.",
    .paper =
        "Ormaniec, Dangel, Singh: What Does It Mean to Be a Transformer? Insights from a "
        "Theoretical Hessian Analysis (ICLR 2025, arXiv 2410.10986), figures 1 and 4",
    .cost =
        "two cores: --quick below a minute, standard below 3 minutes, --full below an hour; "
        "contrast and training another 10 minutes; memory below 1.5 GiB (0.5 GiB standard)"};

const std::vector<std::string> study_names{"blocks", "contrast", "training"};

struct Options {
  std::vector<std::string> studies{"blocks"};
  HeterogeneityOptions of{};
  std::int64_t cells = 0, last_step = 0;
  double lr = 0;
  bool wants(std::string_view study) const { return std::ranges::count(studies, study) > 0; }
};

void declare(Cli& cli, Options& o) {
  cli.default_seeds({3, 10, 50});
  cli.integer("width", o.of.width, {8, 16, 16}, {1, 256}, "d of the transformer");
  cli.integer("sequences", o.of.sequences, {16, 64, 64}, {1, 4096}, "additions in the batch");
  cli.integer("cells", o.cells, {80, 96, 96}, {8, 200}, "squares along a side of the map");
  cli.choices("studies", o.studies, study_names,
              "blocks: the paper; contrast: an LSTM and a CNN beside it; training: the transformer "
              "while it learns; the last two with at most 3 repetitions");
  cli.integer("last-step", o.last_step, {30, 3000, 30000}, {1, 1000000}, "of the training");
  cli.real("lr", o.lr, {1e-3, 1e-3, 1e-3}, {0, 10}, "learning rate of Adam");
}

// One number of each repetition.
template <class F>
Estimate over(const std::vector<QueryAndValue>& all, F f) {
  std::vector<double> values;
  for (const QueryAndValue& one : all) values.push_back(f(one));
  return mean_over_units(values);
}

double log_ratio(const QueryAndValue& one) {
  return std::log10(one.value.median / one.query.median);
}
double indefiniteness(const QueryAndValue& one) {
  return -one.query.least_eigenvalue / one.query.greatest_eigenvalue;
}

// The bounds are those of the authors' figure and of an independent implementation, at the size of
// the standard run.
std::vector<Claim> claims(const std::vector<QueryAndValue>& softmax,
                          const std::vector<QueryAndValue>& linear) {
  const auto range = [](double low, double high) {
    return Interval{std::log10(low), std::log10(high)};
  };
  double rest = 0;
  for (const QueryAndValue& one : linear)
    rest = std::max(
        {rest, one.query.functional / one.query.norm, one.value.functional / one.value.norm});
  const auto n = static_cast<std::int64_t>(linear.size());
  return {
      judge_within("ratio-softmax",
                   "With softmax the value block's elements are much larger than the query block's",
                   "95 % interval over seeds of log10 (median |VV| / median |QQ|) within log10 10 "
                   "... log10 150",
                   over(softmax, log_ratio), range(10, 150)),
      judge_within("ratio-linear", "Without softmax they are of one size",
                   "95 % interval over seeds of log10 (median |VV| / median |QQ|) within log10 0.3 "
                   "... log10 4",
                   over(linear, log_ratio), range(0.3, 4)),
      judge_within("query-median", "The query block's elements are as small as published",
                   "95 % interval over seeds of log10 median |QQ| within -7 ... -6",
                   over(softmax, [](const auto& one) { return std::log10(one.query.median); }),
                   range(1e-7, 1e-6)),
      judge_within("value-median", "The value block's elements are as large as published",
                   "95 % interval over seeds of log10 median |VV| within log10 3e-6 ... log10 4e-5",
                   over(softmax, [](const auto& one) { return std::log10(one.value.median); }),
                   range(3e-6, 4e-5)),
      judge("functional-query", "The query block is almost all functional part",
            "95 % interval over seeds of |H_f(QQ)| / |H(QQ)| above 0.9",
            over(softmax, [](const auto& one) { return one.query.functional / one.query.norm; }),
            Side::above, 0.9),
      judge("indefinite", "The query block has negative eigenvalues",
            "95 % interval over seeds of -least / greatest eigenvalue above 0",
            over(softmax, indefiniteness), Side::above),
      check("linear-no-functional", "Without softmax the diagonal blocks have no functional part",
            "|H_f| < 1e-12 |H| for queries and values", Estimate::exact(rest, n), rest < 1e-12)};
}

CaptionedFigure histogram(const AttentionBlocks& softmax, const AttentionBlocks& linear) {
  Figure f("histogram", "Sizes of the Hessian's elements", {.label = "log10 |element|"},
           {.label = "elements"});
  f.histogram("queries, softmax", softmax.query);
  f.histogram("values, softmax", softmax.value);
  f.histogram("queries, linear", linear.query);
  f.histogram("values, linear", linear.value);
  return {std::move(f),
          "The query and the value block of the first seed. Without softmax the queries' elements "
          "are as large as the values'."};
}

CaptionedFigure map_of(const HessianMap& softmax, const HessianMap& linear, std::int64_t cells) {
  Figure f("hessian_map", "The whole Hessian", {.label = "parameters"}, {.label = "parameters"});
  f.colour_scale({.label = "log10 mean |element|"});
  f.heat_map("softmax", cells, cells, softmax.cells);
  f.heat_map("linear", cells, cells, linear.cells);
  std::vector<std::string> names;
  std::int64_t parameters = 0;
  for (const auto& [name, size] : softmax.blocks) {
    names.push_back(fmt::format("{} {}", name, size));
    parameters += size;
  }
  return {
      std::move(f),
      fmt::format("{} parameters, from the left and from the top: {}. A square is the mean over "
                  "its elements; below {:g} it is shown as that.",
                  parameters, fmt::join(names, ", "), HessianMap::floor)};
}

void add_row(Table& table, std::string_view network, std::int64_t step, std::int64_t repetition,
             std::string_view block, const BlockSizes& b) {
  table.add({std::string(network), std::to_string(step), std::to_string(repetition),
             std::string(block), csv_number(b.median), csv_number(b.greatest), csv_number(b.norm),
             csv_number(b.outer), csv_number(b.functional), csv_number(b.least_eigenvalue),
             csv_number(b.greatest_eigenvalue)});
}

void add_rows(Table& table, const char* attention, const std::vector<QueryAndValue>& all) {
  for (std::size_t i = 0; i < all.size(); ++i)
    for (const auto& [name, b] : {std::pair{"W_Q", &all[i].query}, {"W_V", &all[i].value}})
      add_row(table, attention, 0, static_cast<std::int64_t>(i), name, *b);
}

Claim symmetry(const HessianMap& map) {
  std::int64_t parameters = 0;
  for (const auto& [name, size] : map.blocks) parameters += size;
  return check("symmetric", "The whole Hessian, computed row by row, is symmetric",
               "greatest |H - H'| < 1e-13 of the greatest |H|",
               Estimate::exact(map.asymmetry, 1, parameters * parameters), map.asymmetry < 1e-13);
}

// The paper's figures.
void blocks_study(Run& run, Jobs& jobs, const HeterogeneityOptions& of, std::int64_t cells) {
  const Settings& s = run.settings();
  Results& r = run.results;
  const auto [softmax, linear] =
      study_blocks(jobs, {.of = of, .seeds = s.seeds, .cells = cells}, s.seed);
  r.claims = claims(softmax.blocks, linear.blocks);
  r.claims.push_back(symmetry(softmax.whole));
  r.figures = {map_of(softmax.whole, linear.whole, cells), histogram(softmax, linear)};
  add_rows(r.table, "softmax", softmax.blocks);
  add_rows(r.table, "linear", linear.blocks);
  r.metrics.push_back({"ratio.softmax", "log10 of median |VV| / median |QQ|, softmax",
                       over(softmax.blocks, log_ratio)});
  r.metrics.push_back({"ratio.linear", "log10 of median |VV| / median |QQ|, linear",
                       over(linear.blocks, log_ratio)});
}

std::int64_t repetitions(const Settings& s) {
  return std::min(s.seeds, 3);
}

void contrast_study(Run& run, Jobs& jobs, std::int64_t sequences) {
  const Settings& s = run.settings();
  const std::vector<NetworkBlock> blocks = contrast(jobs, s.seed, repetitions(s), sequences);
  for (const NetworkBlock& b : blocks)
    add_row(run.results.table, b.network, 0, b.repetition, b.parameter, b.sizes);
  std::ranges::move(contrast_metrics(blocks), std::back_inserter(run.results.metrics));
  run.results.figures.push_back(contrast_figure(blocks));
  run.results.notes.push_back(
      "The LSTM and the CNN have about as many parameters as the transformer and learn the same "
      "task, each with the initial values of its own layers; their blocks are those of single "
      "weight matrices. These are measurements of which nothing was claimed beforehand.");
}

// 0, 1, 3, 10, 30, ... last.
std::vector<std::int64_t> looks_at(std::int64_t last) {
  std::vector<std::int64_t> out{0};
  for (std::int64_t power = 1; power < last; power *= 10)
    for (const std::int64_t step : {power, 3 * power})
      if (step < last) out.push_back(step);
  out.push_back(last);
  return out;
}

void training_study(Run& run, Jobs& jobs, const Options& o) {
  const Settings& s = run.settings();
  const TrainingOptions training{.width = o.of.width,
                                 .sequences = o.of.sequences,
                                 .repetitions = repetitions(s),
                                 .lr = o.lr,
                                 .steps = looks_at(o.last_step)};
  const TrainingCourse course = along_training(jobs, training, s.seed);
  for (const TrainingMoment& m : course.moments) {
    add_row(run.results.table, "transformer", m.step, m.repetition, "W_Q", m.query);
    add_row(run.results.table, "transformer", m.step, m.repetition, "W_V", m.value);
  }
  std::ranges::move(training_metrics(course), std::back_inserter(run.results.metrics));
  std::ranges::move(training_figures(training, course), std::back_inserter(run.results.figures));
  run.results.notes.push_back(
      "Along training the Hessian is that of a batch which no step saw. D^-1/2 H D^-1/2 with "
      "D = sqrt(v) + eps is the Hessian in the coordinates in which a step of Adam is one of "
      "gradient descent. These are measurements of which nothing was claimed beforehand.");
}

void measure(Run& run, Options& o) {
  Results& r = run.results;
  r.table = {.columns = {"network", "step", "repetition", "block", "median", "greatest", "norm",
                         "outer_product_norm", "functional_norm", "least_eigenvalue",
                         "greatest_eigenvalue"}};
  r.notes = {
      fmt::format(
          "One transformer layer of width {} (one head, causal, no norm, a ReLU network behind) "
          "on {} additions of two 5-digit numbers as next-token prediction; mean cross-entropy of "
          "the answers' digits. All blocks are exact, in f64. Their outer-product part is "
          "Gauss-Newton's matrix with respect to the logits.",
          o.of.width, o.of.sequences),
      "Biases of attention, 0 at the start and left out of the paper's maps too, are not there."};
  Jobs jobs(run);
  if (o.wants("blocks")) {
    blocks_study(run, jobs, o.of, o.cells);
    r.notes.push_back(
        "Width 16 and 64 additions are the paper's; its figures have one seed. The criteria's "
        "bounds hold for that size, and for networks that are not trained.");
  }
  if (o.wants("contrast")) contrast_study(run, jobs, o.of.sequences);
  if (o.wants("training")) training_study(run, jobs, o);
}

}  // namespace

int hessian_heterogeneity(int argc, const char* const* argv) {
  return run_program(about, declare, measure, argc, argv);
}

}  // namespace sonde::experiments
