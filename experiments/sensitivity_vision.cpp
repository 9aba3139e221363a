// sensitivity_vision: how often does a network's prediction flip when noise is added to one patch
// of an image?
#include <algorithm>

#include "experiments/common/program.hpp"
#include "experiments/vision/findings.hpp"
#include "experiments/vision/invariants.hpp"

namespace {

using namespace sonde;
using namespace sonde::experiments;

const About about{
    .name = "sensitivity_vision",
    .measures =
        "Sensitivity of image classifiers: the share of predictions that flip when Gaussian noise "
        "is added to one "
        "patch of an image, averaged over images, patches and noises, at equal train accuracy.",
    .paper =
        "Vasudeva, Fu, Zhou, Kau, Huang, Sharan: Transformers Learn Low Sensitivity Functions "
        "(ICLR 2025, "
        "arXiv 2403.06925)",
    .cost =
        "--models mlp: --quick about 2 minutes, standard about 6, --full about an hour on two "
        "cores; memory below "
        "1 GiB"};

struct Options {
  StudyOptions study{.models = {"mlp"}};
  std::string data = "fashion-mnist";
  std::int64_t train = 0, test = 0;
  bool exported = false;
};

void declare(Cli& cli, Options& o) {
  StudyOptions& s = o.study;
  cli.choices("models", s.models, image_model_names(), "networks to compare");
  cli.choice("data", o.data, image_set_names(), "data set");
  cli.integer("train", o.train, {4000, 10000, 60000}, {1, 1'000'000},
              "training images, chosen by the seed");
  cli.integer("test", o.test, {1000, 2000, 10000}, {1, 1'000'000}, "test images");
  cli.reals("accuracy", s.accuracies, {{0.8, 0.9, 0.95}, {0.8, 0.9, 0.95}, {0.8, 0.9, 0.95}},
            {0, 1}, "train accuracies at which sensitivity is measured");
  cli.reals("sigma", s.sigmas, {{1, 3}, {0.5, 1, 3}, {0.5, 1, 3}}, {0, 1000},
            "standard deviations of the noise; pixels lie in [-1, 1]");
  cli.integer("images", s.images, {200, 500, 2000}, {1, 1'000'000},
              "images that sensitivity is measured on");
  cli.integer("draws", s.draws, {3, 3, 10}, {1, 1'000'000}, "noises for each image and patch");
  cli.integer("patch", s.patch, {4, 4, 4}, {1, 1000}, "side of a patch in pixels");
  cli.flag("scattered", s.scattered,
           "measure the authors' variant too: pixels anywhere instead of a patch");
  cli.flag("export", o.exported,
           "write each measurement on train images with weights, noise and decisions into export/, "
           "for tests/recheck");
  cli.integer("epochs", s.epochs, {30, 30, 30}, {1, 100'000},
              "training stops here if an accuracy is not reached");
  cli.integer("batch", s.batch, {100, 100, 100}, {1, 1'000'000}, "images in a training step");
  cli.integer("eval-every", s.eval_every, {10, 25, 100}, {1, 1'000'000},
              "steps between evaluations");
  cli.real("lr", s.lr, {1e-3, 1e-3, 1e-3}, {0, 10}, "learning rate of Adam");
}

void notes(Results& results, const Options& o) {
  results.notes = {
      "Sensitivity S is the average, over images x and patches t, of the probability that the "
      "prediction for x with "
      "noise N(0, sigma^2) added to patch t differs from the prediction for x itself. It lies in "
      "[0, 1]; a network that "
      "always says the same has S = 0, so S is compared at equal train accuracy only.",
      "Each number belongs to the step at which the train accuracy would cross the level, by "
      "linear interpolation between "
      "the two evaluations around it. Intervals come from a bootstrap that draws repetitions and "
      "then whole images; "
      "results.csv has the binomial error as well, which takes all flips for independent and is "
      "too small.",
      "n counts repetitions (new parameters, data order and noise on the same images), m the "
      "images under each. The paper "
      "reports S(ResNet-18) = 0.0829 and S(ViT) = 0.0014 at small scale, without the noise it "
      "used, so levels are not "
      "compared with it, only orders."};
  if (o.study.scattered)
    results.notes.push_back(
        "scattered: as many pixels as a patch has, drawn anywhere with replacement, as in the "
        "authors' "
        "code, but drawn anew for each image.");
}

void measure(Run& run, Options& o) {
  StudyOptions& s = o.study;
  s.seed = run.settings().seed;
  s.repetitions = run.settings().seeds;
  if (o.exported) s.export_to = run.settings().out / "export";
  std::ranges::sort(s.accuracies);
  std::ranges::sort(s.sigmas);
  const ImageSet train =
      load_images(o.data, Split::train, o.train, s.seed, run.settings().data_dir);
  const ImageSet test = load_images(o.data, Split::test, o.test, s.seed, run.settings().data_dir);
  check_possible(s, train);
  const Findings findings = run_study(run, s, train, test);
  Results& r = run.results;
  r.table = measurement_table(findings.measurements, s.seed);
  r.metrics = sensitivity_metrics(findings, s);
  r.claims = comparison_claims(findings.measurements, s);
  for (Claim& c : invariants(s, train)) r.claims.push_back(std::move(c));
  r.figures = study_figures(findings, s, train.images.size(-1));
  notes(r, o);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  return run_program(
      about, [&](Cli& cli) { declare(cli, options); }, [&](Run& run) { measure(run, options); },
      argc, argv);
}
