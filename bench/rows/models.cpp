#include "bench/rows/models.hpp"

#include <algorithm>
#include <numeric>

#include "autograd/ops.hpp"
#include "nn/mlp.hpp"
#include "tests/parity/values.hpp"

namespace sonde::bench {

namespace {

std::shared_ptr<nn::Module> make(const std::string& name) {
  const philox::Key key{};
  if (name == "mlp")
    return std::make_shared<nn::Mlp>(
        std::vector<std::int64_t>{784, 512, 128, 10}, key,
        nn::MlpOptions{.activation = [](const Var& x) { return leaky_relu(x); },
                       .last_bias = false});
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
