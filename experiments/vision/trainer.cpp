#include "experiments/vision/trainer.hpp"

#include <algorithm>
#include <cmath>

#include "autograd/ops.hpp"
#include "tensor/kernels/random.hpp"

namespace sonde::experiments {
namespace {

std::vector<std::int64_t> permutation(philox::Key key, std::int64_t n) {
  const Tensor keys = Tensor::from<std::int64_t>(
      {static_cast<std::int64_t>(key.k0), static_cast<std::int64_t>(key.k1)}, {1, 2});
  Tensor out = Tensor::empty({1, n}, DType::i64);
  kernels::random_permutation.find({}, DType::i64)(keys, out);
  return out.to_vector<std::int64_t>();
}

}  // namespace

Classifier classifier(const nn::Module& module) {
  return [&module](const Tensor& x) { return module(Var(x)).tensor(); };
}

double accuracy(const Classifier& classify, const ImageSet& set) {
  constexpr std::int64_t batch = 1000;  // bounds the memory of activations
  std::int64_t right = 0;
  const std::int64_t* labels = set.labels.data<std::int64_t>();
  for (std::int64_t first = 0; first < set.size(); first += batch)
    for (std::int64_t predicted :
         predictions(classify(set.images.slice(0, first, std::min(first + batch, set.size())))))
      right += predicted == *labels++;
  return static_cast<double>(right) / static_cast<double>(set.size());
}

Trainer::Trainer(nn::Module& module, const ImageSet& data, TrainerOptions options)
    : module_(module),
      data_(data),
      options_(options),
      optimizer_(module.parameter_tensors(), {.lr = options.lr}) {
  if (options.batch < 1 || options.batch > data.size())
    fail(ErrorCode::usage, "--batch", "{} images do not make a batch of {}", data.size(),
         options.batch);
}

std::int64_t Trainer::steps_per_epoch() const {
  return (data_.size() + options_.batch - 1) / options_.batch;
}

double Trainer::step() {
  const std::int64_t epoch = steps_ / steps_per_epoch(),
                     first = steps_ % steps_per_epoch() * options_.batch;
  if (epoch != epoch_) {
    order_ =
        permutation(philox::fold_in(options_.key, static_cast<std::uint64_t>(epoch)), data_.size());
    epoch_ = epoch;
  }
  const auto count = static_cast<std::size_t>(std::min(options_.batch, data_.size() - first));
  const ImageSet batch =
      take(data_, std::span(order_).subspan(static_cast<std::size_t>(first), count));
  const auto result = nn::value_and_grad(module_, [&](nn::Context& ctx) {
    return make_vars(cross_entropy(module_(ctx, batch.images), batch.labels));
  });
  const double loss = result.value.item();
  if (!std::isfinite(loss))
    fail(ErrorCode::numeric, "train", "the loss is {} at step {}", loss, steps_);
  optimizer_.step(result.grads);
  ++steps_;
  return loss;
}

void Trainer::save(Checkpoint& checkpoint, const std::string& prefix) const {
  const auto named = module_.named_parameters();
  for (const auto& p : named)
    checkpoint.tensors[prefix + "model." + p.path] = p.handle->value.clone();
  for (const auto& [name, tensor] : optimizer_.state())
    checkpoint.tensors[prefix + "adam." + name] = tensor;
  checkpoint.state[prefix + "steps"] = steps_;
}

void Trainer::restore(const Checkpoint& checkpoint, const std::string& prefix) {
  Tensors values;
  for (const auto& p : module_.named_parameters())
    values.push_back(checkpoint.tensor(prefix + "model." + p.path));
  NamedTensors state;
  const std::string head = prefix + "adam.";
  for (const auto& [name, tensor] : checkpoint.tensors)
    if (name.starts_with(head)) state.emplace(name.substr(head.size()), tensor);
  const auto steps = checkpoint.state.find(prefix + "steps");
  if (steps == checkpoint.state.end() || !steps->is_number_integer() ||
      steps->get<std::int64_t>() < 0)
    fail(ErrorCode::format, "checkpoint", "holds no number of steps");
  optimizer_.load_state(state);
  module_.set_parameters(values);
  steps_ = steps->get<std::int64_t>();
}

}  // namespace sonde::experiments
