// Do more hidden units help on this data? Two networks are trained alike at several seeds.
#include "autograd/ops.hpp"
#include "experiments/common/program.hpp"
#include "experiments/data/table.hpp"
#include "experiments/vision/comparison.hpp"
#include "nn/linear.hpp"

using namespace sonde;
using namespace sonde::experiments;

class Net final : public nn::Module {  // a model of one's own: a constructor and a forward
 public:
  Net(std::int64_t in, std::int64_t width, std::int64_t out, philox::Key key)
      : hidden_(in, width, philox::child(key, 0)), head_(width, out, philox::child(key, 1)) {
    child("hidden", hidden_);
    child("head", head_);
  }
  Var forward(nn::Context& ctx, Var x) const override {
    return head_(ctx, tanh(hidden_(ctx, flatten(x, 1))));
  }

 private:
  nn::Linear hidden_, head_;
};

int main(int argc, char** argv) {
  std::string data = "data", label;
  std::int64_t width = 0, epochs = 0;
  auto options = [&](Cli& cli) {
    cli.text("data", data, "folder with data.csv, x.npy and y.npy, or IDX files");
    cli.text("label", label, "column of data.csv to predict; the last one if not given");
    cli.integer("width", width, {16, 32, 64}, {1, 100'000}, "units of the wide layer");
    cli.integer("epochs", epochs, {5, 20, 50}, {1, 100'000}, "passes over the data");
  };
  auto measure = [&](Run& run) {
    const ImageSet all = load_folder(data, label);
    const std::int64_t features = all.images.numel() / all.size();
    auto make = [&](const std::string& arm, std::uint64_t seed) {
      auto [train, test] = held_out(all, 0.25, seed);
      return Fit{.module = std::make_unique<Net>(features, arm == "wide" ? width : 1, all.classes,
                                                 philox::Key{seed, 1}),
                 .train = train,
                 .options = {.batch = 20, .lr = 0.01, .key = {seed, 2}},
                 .epochs = epochs,
                 .measure = [test](const Classifier& c) { return accuracy(c, test); }};
    };
    const Comparison found = compare(run, "test accuracy", {"wide", "narrow"}, make);
    run.results.claims = {
        judge("width", "A wide hidden layer gives a higher test accuracy than one unit",
              "the 95 % interval of the paired difference over seeds lies above 0",
              found.difference("wide", "narrow"), Side::above)};
  };
  return run_program({.name = "own_experiment",
                      .measures = "Test accuracy with a wide hidden layer and with one unit.",
                      .paper = "none",
                      .cost = "seconds"},
                     options, measure, argc, argv);
}
