#include "bench/rows/models.hpp"

#include <algorithm>
#include <numeric>

#include "autograd/ops.hpp"
#include "experiments/boolean/encoder.hpp"
#include "nn/mlp.hpp"
#include "nn/models/addition.hpp"
#include "nn/models/cnn.hpp"
#include "nn/models/convmixer.hpp"
#include "nn/models/gpt.hpp"
#include "nn/models/lstm_classifier.hpp"
#include "nn/models/resnet.hpp"
#include "nn/models/vit.hpp"
#include "tests/parity/values.hpp"

namespace sonde::bench {

namespace {

std::shared_ptr<nn::Module> make(const std::string& name) {
  using namespace nn;
  const philox::Key key{};
  const ImageSpec gray{1, 28, 28, 10}, coloured{3, 32, 32, 10};
  if (name == "mlp")
    return std::make_shared<Mlp>(
        std::vector<std::int64_t>{784, 512, 128, 10}, key,
        MlpOptions{.activation = [](const Var& x) { return leaky_relu(x); }, .last_bias = false});
  if (name == "cnn") return std::make_shared<Cnn>(gray, key);
  if (name == "resnet18") return std::make_shared<ResNet>(coloured, key);
  if (name == "convmixer") return std::make_shared<ConvMixer>(coloured, key);
  if (name == "vit") return std::make_shared<Vit>(gray, key);
  if (name == "lstm") return std::make_shared<LstmClassifier>(gray, key);
  if (name == "gpt") return std::make_shared<Gpt>(key);
  if (name == "bits") return std::make_shared<experiments::BitEncoder>(key);
  if (name == "addition") return std::make_shared<AdditionTransformer>(key);
  fail(ErrorCode::names, "make_model", "no model '{}'", name);
}

}  // namespace

std::shared_ptr<nn::Module> make_model(const std::string& name) {
  auto model = make(name);
  testing::fill(*model);
  model->convert(DType::f32);
  return model;
}

Var model_loss(const nn::Module& model, nn::Context& ctx, const Var& x, const Var& labels) {
  const Var logits = model(ctx, x);
  return cross_entropy(flatten(logits, 0, -2), flatten(labels));
}

Function loss_of_parameters(const std::shared_ptr<nn::Module>& model, const Var& x,
                            const Var& labels) {
  return [=](const Vars& parameters) {
    nn::Context ctx(*model, parameters);
    return model_loss(*model, ctx, x, labels);
  };
}

Vars by_name(const nn::Module& model, const Vars& of_parameters) {
  const auto named = model.named_parameters();
  std::vector<std::size_t> order(named.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return named[a].path < named[b].path; });
  Vars sorted;
  for (const std::size_t i : order) sorted.push_back(of_parameters[i]);
  return sorted;
}

}  // namespace sonde::bench
