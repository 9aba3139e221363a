#include "report/pages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/ops.hpp"
#include "experiments/common/report.hpp"
#include "experiments/page/page.hpp"
#include "experiments/sweep/findings.hpp"
#include "experiments/vision/findings.hpp"
#include "program_run.hpp"
#include "tensor/io_npy.hpp"

namespace sonde::experiments {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t side = 28;

// A bright disc, the same in every image.
ImageSet discs() {
  ImageSet set{Tensor::empty({4, 1, side, side}), Tensor::zeros({4}, DType::i64), 2};
  float* pixel = set.images.data<float>();
  for (std::int64_t i = 0; i < set.images.numel(); ++i) {
    const auto y = static_cast<double>(i / side % side), x = static_cast<double>(i % side);
    pixel[i] = static_cast<float>(1 - 2 * std::min(std::hypot(x - 14, y - 14) / 14, 1.0));
  }
  return set;
}

// Findings of a study that trained every model to every accuracy; all follow from the numbers of
// model and repetition, and lie between 0 and 1.
class World {
 public:
  explicit World(StudyOptions options) : o_(std::move(options)) {
    for (std::size_t model = 0; model < o_.models.size(); ++model)
      for (std::int64_t r = 0; r < o_.repetitions; ++r) {
        train(model, r);
        stage(model, r, "init", 0.1);
        for (double a : o_.accuracies) stage(model, r, stage_name(a), a);
      }
  }

  const StudyOptions& options() const { return o_; }
  Findings findings{};

 private:
  double level(std::size_t model, std::int64_t r, double accuracy, double sigma) const {
    const double base = 0.01 * std::pow(1.4, static_cast<double>(model));
    return std::min(
        0.9, base * std::sqrt(sigma) * (1.6 - accuracy) * (1 + 0.1 * static_cast<double>(r)));
  }

  void train(std::size_t model, std::int64_t r) {
    for (int i = 0; i <= 40; ++i) {
      const double accuracy = 0.97 - 0.87 * std::exp(-i / (4.0 + static_cast<double>(model)));
      findings.curves.push_back({o_.models[model],
                                 r,
                                 {25 * i, accuracy, accuracy - 0.03},
                                 1 - accuracy,
                                 level(model, r, accuracy, 3)});
    }
  }

  void stage(std::size_t model, std::int64_t r, const std::string& name, double accuracy) {
    for (double sigma : o_.sigmas)
      for (const char* noise : {"patch", "scattered"})
        for (const char* images : {"train", "test"}) {
          const double s = level(model, r, accuracy, sigma);
          Measurement m{o_.models[model],
                        r,
                        name,
                        {100, accuracy, accuracy - 0.03},
                        noise,
                        images,
                        sigma,
                        {},
                        {},
                        1000};
          for (int i = 0; i < 20; ++i) m.by_input.push_back(s * (1 + std::sin(i)));
          for (int t = 0; t < 49; ++t) m.by_position.push_back(s * (1 + std::sin(t * 0.4)));
          findings.measurements.push_back(std::move(m));
        }
  }

  StudyOptions o_;
};

StudyOptions options(std::vector<std::string> models, std::int64_t repetitions) {
  return {.models = std::move(models),
          .accuracies = {0.8, 0.9, 0.95},
          .sigmas = {0.5, 1, 3},
          .images = 500,
          .seed = 1,
          .repetitions = repetitions};
}

Page page(const std::string& name, const World& world, Json settings = {{"seed", 1}}) {
  const StudyOptions& o = world.options();
  Results r;
  r.table = measurement_table(world.findings.measurements, o.seed);
  // Rows are all alike; more of them would only take the browser minutes.
  r.table.rows.resize(std::min<std::size_t>(r.table.rows.size(), 60));
  r.metrics = sensitivity_metrics(world.findings, o);
  r.claims = comparison_claims(world.findings.measurements, o);
  r.claims.push_back(check("constant", "A constant classifier has no sensitivity", "S = 0",
                           Estimate::exact(0, 1, 500), true));
  r.metrics.push_back({"nan", "A number that is none", {.value = nan, .ci95 = Interval{nan, nan}}});
  r.claims.push_back(judge("nan", "A claim about it", "< 0", r.metrics.back().value, Side::below));
  r.figures = study_figures(world.findings, o, discs());
  r.notes = {"Sensitivity is the share of predictions that flip.", "A second note."};
  const About about{"sensitivity_vision", "Sensitivity of image classifiers.",
                    "Somebody: A Paper (2024, arXiv 2403.06925)", "a minute"};
  const RunFacts facts{.experiment = "sensitivity_vision",
                       .paper = about.paper,
                       .version = "0.1.0",
                       .device = "cpu",
                       .blas_core = "SkylakeX",
                       .seed = 1,
                       .threads = 2,
                       .wall_s = 61,
                       .peak_bytes = 1 << 28,
                       .simd = "AVX3",
                       .cpu = "Some Processor(R) CPU @ 2.00GHz",
                       .versions = {{"compiler", "GCC 12.2.0"}, {"fmt", "9.1.0"}}};
  return {name, report_html(about, facts, settings, r)};
}

std::vector<std::string> eleven() {
  return {"vit",      "vit-relu2", "vit-spt-lsa", "cnn",  "mlp",     "convmixer",
          "resnet18", "resnet8",   "densenet",    "lstm", "constant"};
}

std::vector<std::string> long_names() {
  return {"a-transformer-with-a-name-of-many-words-and-no-blank-between-them",
          "a network whose name has blanks and is as long as the other one is", "<&\"'>"};
}

World with_holes() {
  World world(options({"vit", "mlp", "cnn"}, 2));
  auto& all = world.findings.measurements;
  std::erase_if(all, [](const Measurement& m) { return m.model == "mlp" && m.stage != "init"; });
  for (Measurement& m : all)
    if (m.model == "cnn") m.by_position.assign(m.by_position.size(), nan);
  for (CurvePoint& p : world.findings.curves)
    if (p.model == "cnn") p.sensitivity = p.moment.train_accuracy = nan;
  return world;
}

// One figure of every mark that the study does not draw.
Page marks() {
  Figure plot("plot", "Every mark on logarithmic axes, and a title that is longer than one line",
              {.label = "an axis whose label is longer than the axis itself is wide", .log = true},
              {.label = "y", .log = true});
  const std::vector<double> x{1e-3, 1, 20, 4e3}, y{1e-7, 1e-3, nan, 2e5}, low{1e-8, 1e-4, 1, 1e4};
  const std::vector<Estimate> e{{.value = 1, .ci95 = Interval{0.5, 2}}, {.value = 1e3}};
  plot.line("line", x, y);
  plot.band("line", x, low, y);
  plot.scatter("points", x, low);
  plot.estimates("with intervals", std::span(x).first(2), e);
  plot.level("level", 1);
  Figure groups("groups", "Bars and boxes",
                {.label = "", .categories = {"one", "two", "three of a longer name", "four"}},
                {.label = "y"});
  groups.bars("first", e);
  groups.bars("second", e);
  groups.box("box", 2, y.front() < 1 ? std::span<const double>(low) : std::span<const double>(x));
  Figure counts("counts", "Counts", {.label = "x"}, {.label = "count"});
  counts.histogram("values", low, 5);
  Figure map("map", "A map with numbers", {.label = "column"}, {.label = "row"});
  std::vector<double> cells;
  for (int i = 0; i < 49; ++i) cells.push_back(i / 49.0);
  map.heat_map("value", 7, 7, cells);
  map.colour_scale({.label = "value"});
  Results r;
  for (Figure* f : {&plot, &groups, &counts, &map})
    r.figures.push_back({std::move(*f), "What it shows."});
  return {"marks", report_html({"marks", "Every mark.", "", ""}, {}, Json::object(), r)};
}

// The page of all runs, of a study's findings under several names.
Page reproduction(const std::string& name, const World& world, SizeClass size) {
  const StudyOptions& o = world.options();
  CollectedRun run{.experiment = {}, .state = RunState::finished};
  run.command = "sensitivity_vision --out out/report/x";
  run.settings = {{"seed", 1}, {"seeds", 3}, {"data", "fashion-mnist"}, {"lr", 0.001}};
  run.claims = comparison_claims(world.findings.measurements, o);
  run.claims.push_back(check("exact", "What must hold", "S = 0", Estimate::exact(0, 1, 5), true));
  for (const CaptionedFigure& f : study_figures(world.findings, o, discs()))
    run.figures.push_back({f.figure.name(), "Figure 3: " + f.caption, f.figure.svg()});
  run.figures.push_back({"absent", "A figure.", "", "figures/absent.svg is no picture"});
  std::vector<CollectedRun> runs;
  for (const Experiment& e : experiments()) {
    run.experiment = e;
    run.facts.experiment = e.program;
    run.facts.paper = papers()[0].reference + ", section 3, figures 1 and 5 to 8";
    run.facts.version = "0.1.0";
    run.facts.threads = 2;
    run.facts.wall_s = 4000;
    run.facts.measures = "What it measures, in a sentence or two, on one or more lines.";
    runs.push_back(run);
    if (runs.size() == 3) break;  // more of the same would take the browser minutes
  }
  for (const RunState state : {RunState::begun, RunState::failed, RunState::missing,
                               RunState::other_size, RunState::damaged, RunState::no_data})
    runs.push_back({.experiment = {"an_experiment_of_a_longer_name", papers()[1].key, "program"},
                    .state = state,
                    .reason = "out/report/" + std::string(200, 'x') + "/summary.json: a reason",
                    .command = "program --data cifar10 --out out/report/an_experiment"});
  return {name, page_html(runs, size)};
}

// A merged sweep of a program at `rates` learning rates.
Page sweep_page(const std::string& name, int rates) {
  MergedRuns runs{.table = {{"run", "state", "seed", "target", "width", "lr", "metrics.loss",
                             "metrics.loss.low", "metrics.loss.high", "metrics.norm",
                             "claims.small", "wall_s", "path"}},
                  .options = {"seed", "target", "width", "lr"},
                  .metrics = {"metrics.loss", "metrics.norm"}};
  for (const char* target : {"parity", "a-target-of-a-longer-name-than-others"})
    for (int width : {8, 64, 512})
      for (int lr = 1; lr <= rates; ++lr)
        for (int seed = 1; seed <= 3; ++seed) {
          const double loss = 1e-3 * lr * lr * (target[0] == 'a' ? 1 : 3) / width + 1e-6 * seed;
          const std::string run = fmt::format("{:05}", runs.table.rows.size());
          runs.table.add({run, "finished", std::to_string(seed), target, std::to_string(width),
                          csv_number(1e-3 * lr), csv_number(loss), csv_number(loss),
                          csv_number(loss), csv_number(width * 1.5), "pass", "12", "runs/" + run});
        }
  runs.table.rows[1][1] = "failed";
  runs.table.rows[1][6] = "";
  Table aggregated;
  const Results r = sweep_results(
      runs,
      {.slopes = {"log(metrics.loss) ~ log(width)"}, .ranks = {"loss ~ target", "norm ~ width"}},
      aggregated);
  return {name,
          report_html({"sweep", "boolean_scaling at many settings.", papers()[0].reference, ""}, {},
                      {{"grid", "experiments/sweeps/e1_scaling.json"}}, r)};
}

// What a program really writes, about an untrained network on noise.
Page written_by(const std::string& name, Program program, std::vector<std::string> words) {
  TempFolder folder;
  save_npy(folder / "x.npy", normal(random_key(1), {100, 12, 12}).tensor());
  save_npy(folder / "y.npy", remainder(Tensor::arange(100), 10).tensor());
  const std::string out = folder / "run";
  words.insert(words.end(), {"--model", "vit", "--data", folder.path().string(), "--samples", "12",
                             "--quiet", "--out", out});
  const Ended ended = run_program_with(program, words);
  if (ended.code != 0) fail(ErrorCode::value, name, "{}", ended.err);
  return {name, read_bytes(out + "/report.html")};
}

}  // namespace

std::vector<Page> report_pages() {
  const std::string path(300, 'x');
  return {
      page("whole", World(options(eleven(), 3)), {{"quick", false}, {"sigma", {0.5, 1.0, 3.0}}}),
      page("long", World(options(long_names(), 3)), {{"out", "/" + path}, {"quick", true}}),
      page("holes", with_holes()),
      page("single", World(options({"mlp"}, 1)), {{"quick", true}}),
      marks(),
      reproduction("reproduction", World(options({"vit", "mlp"}, 3)), SizeClass::standard),
      reproduction("reproduction_long", World(options(long_names(), 3)), SizeClass::quick),
      sweep_page("sweep", 2),
      sweep_page("sweep_of_many", 30),
      {"reproduction_none", page_html({}, SizeClass::standard)},
      written_by("hessian_spectrum", hessian_spectrum,
                 {"--quick", "--by", "block", "--tolerance", "0.01"}),
      written_by("ntk_spectrum", ntk_spectrum, {"--test", "5"}),
      written_by("sensitivity_of", sensitivity_of, {"--quick"}),
      {"empty", report_html({"empty", "Nothing.", "Nobody", ""}, {}, Json::object(), {})}};
}

}  // namespace sonde::experiments
