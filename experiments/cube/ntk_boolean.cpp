#include <fmt/format.h>

#include <algorithm>

#include "analysis/statistics.hpp"
#include "experiments/common/program.hpp"
#include "experiments/cube/jobs.hpp"
#include "experiments/cube/programs.hpp"

namespace sonde::experiments {
namespace {

const About about{
    .name = "ntk_boolean",
    .measures =
        "The spectrum by degree of the empirical tangent kernels of transformers with linear and "
        "with softmax attention, an LSTM and an MLP on the Boolean cube, and the order in which "
        "training finds monomials of degrees 1 to 4.",
    .paper =
        "Vasudeva, Fu, Zhou, Kau, Huang, Sharan: Transformers Learn Low Sensitivity Functions "
        "(ICLR 2025, arXiv 2403.06925), section 3",
    .cost =
        "two cores: --quick below a minute, standard below 10 minutes, --full below an hour; "
        "memory below 1 GiB, --full 3 GiB"};

struct Options {
  CubeNetworkOptions net{};
  LearningOptions learning{};
  std::int64_t courses = 0;
};

void declare(Cli& cli, Options& o) {
  cli.default_seeds({3, 10, 20});
  cli.integer("bits", o.net.bits, {10, 10, 10}, {10, 14}, "d of the cube, even");
  cli.integer("width", o.net.width, {16, 32, 64}, {4, 512}, "of the networks");
  cli.integer("epochs", o.learning.epochs, {5, 300, 1000}, {1, 100000}, "of training at most");
  cli.integer("batch", o.learning.batch, {64, 64, 64}, {1, 16384}, "points in a step");
  cli.real("lr", o.learning.lr, {1e-3, 1e-3, 1e-3}, {0, 10}, "learning rate of Adam");
  cli.integer("courses", o.courses, {1, 3, 10}, {1, 1000}, "repetitions that are trained");
  cli.settle([&o](const Settings&) {
    if (o.net.bits % 2 != 0)
      fail(ErrorCode::usage, "--bits", "{} bits do not make tokens of two", o.net.bits);
  });
}

// Every network with tokens of one bit and of two; the MLP has no tokens.
std::vector<CubeSubject> subjects(const CubeNetworkOptions& net) {
  std::vector<CubeSubject> out;
  for (const std::string& name : cube_network_names())
    for (const std::int64_t group : {1, 2}) {
      if (name == "mlp" && group > 1) continue;
      out.push_back({name, net});
      out.back().options.group = group;
    }
  return out;
}

Figure spectra_figure() {
  Figure f("spectra", "Tangent kernels by degree", {.label = "degree"},
           {.label = "eigenvalue / that of degree 0", .log = true});
  std::vector<std::string> titles;
  for (const CubeSubject& s : subjects({})) titles.push_back(s.title());
  f.colour_order(titles);
  return f;
}

void draw_spectra(Figure& f, const CubeSubject& s, const DegreeSpectra& spectra) {
  std::vector<double> x, y;
  for (std::size_t k = 0; k < spectra[0].size(); ++k) {
    Sample at;
    for (const std::vector<double>& mu : spectra) at.push_back(mu[k] / mu[0]);
    x.push_back(static_cast<double>(k));
    y.push_back(quantile(at, 0.5));
  }
  f.line(s.title(), x, y);
  f.scatter(s.title(), x, y);
}

CaptionedFigure course_figure(const CubeSubject& s, const std::vector<Coefficients>& courses) {
  Figure f("course_" + s.id(), s.title() + ": what training finds", {.label = "epoch"},
           {.label = "Fourier coefficient"});
  f.use_tones();
  for (std::size_t k = 0; k < greatest_degree; ++k) {
    std::vector<double> x, y;
    for (const auto& coefficients : courses[0]) {
      x.push_back(static_cast<double>(x.size()));
      y.push_back(coefficients[k]);
    }
    f.line(fmt::format("degree {}", k + 1), x, y);
  }
  f.level("target", 1);
  std::vector<std::string> first;
  for (const Coefficients& course : courses) {
    std::vector<std::string> epochs;
    for (int k = 1; k <= greatest_degree; ++k)
      epochs.push_back(learnt_at(course, k) < 0 ? "-" : std::to_string(learnt_at(course, k)));
    first.push_back(fmt::format("{}", fmt::join(epochs, ", ")));
  }
  return {std::move(f), fmt::format("The first repetition. Epochs at which degrees 1 to {} are "
                                    "learnt, by repetition: {}.",
                                    greatest_degree, fmt::join(first, "; "))};
}

void add_rows(Table& table, const CubeSubject& s, const DegreeSpectra& spectra) {
  for (std::size_t r = 0; r < spectra.size(); ++r)
    for (std::size_t k = 0; k < spectra[r].size(); ++k)
      table.add({s.id(), "eigenvalue", std::to_string(r), std::to_string(k), "",
                 csv_number(spectra[r][k])});
}
void add_rows(Table& table, const CubeSubject& s, const std::vector<Coefficients>& courses) {
  for (std::size_t r = 0; r < courses.size(); ++r)
    for (std::size_t epoch = 0; epoch < courses[r].size(); ++epoch)
      for (std::size_t k = 0; k < greatest_degree; ++k)
        table.add({s.id(), "coefficient", std::to_string(r), std::to_string(k + 1),
                   std::to_string(epoch), csv_number(courses[r][epoch][k])});
}

void measure(Run& run, Options& o) {
  const Settings& s = run.settings();
  Results& r = run.results;
  r.table.columns = {"network", "quantity", "repetition", "degree", "epoch", "value"};
  const std::vector<CubeSubject> all = subjects(o.net);
  Jobs jobs(run);
  const std::vector<CubeFindings> found = study_cube(
      jobs, all,
      {.seed = s.seed, .spectra = s.seeds, .courses = o.courses, .learning = o.learning});
  Figure figure = spectra_figure();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const CubeSubject& subject = all[i];
    const auto& [spectra, courses] = found[i];
    // The paper speaks of linear attention; what the others do is measured beside it.
    if (subject.name == "linear-attention") r.claims.push_back(weak_bias_claim(subject, spectra));
    r.claims.push_back(order_claim(subject, courses));
    draw_spectra(figure, subject, spectra);
    r.figures.push_back(course_figure(subject, courses));
    add_rows(r.table, subject, spectra);
    add_rows(r.table, subject, courses);
  }
  r.figures.insert(r.figures.begin(), {std::move(figure),
                                       "Medians over repetitions of the mean over the monomials of "
                                       "a degree, before training."});
  r.notes = {
      fmt::format("All points of the cube of {} bits, as numbers -1 and 1, in tokens of one bit "
                  "and of two neighbouring ones; networks of width {}. Kernels are exact and in "
                  "f64, of networks as they begin. The target of training is the sum of one "
                  "monomial of each degree 1 to {} on bits of its own; Adam at {:g} on batches of "
                  "{}.",
                  o.net.bits, o.net.width, greatest_degree, o.learning.lr, o.learning.batch),
      "The paper states the bias as a theorem on its kernels and has no experiment of this kind: "
      "networks, sizes and target are this study's own."};
}

}  // namespace

int ntk_boolean(int argc, const char* const* argv) {
  return run_program(about, declare, measure, argc, argv);
}

}  // namespace sonde::experiments
