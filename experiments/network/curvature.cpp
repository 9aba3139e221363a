#include "experiments/network/curvature.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/determinism.hpp"
#include "analysis/gauss_newton.hpp"
#include "autograd/ops.hpp"

namespace sonde::experiments {

std::vector<std::string> curvature_names() {
  return {"hessian", "ggn", "fisher", "empirical-fisher", "functional"};
}

std::vector<std::string> loss_names() {
  return {"cross-entropy", "mse"};
}

NetworkLoss::NetworkLoss(const nn::Module& module, const ImageSet& data, CurvatureOptions options)
    : module_(module),
      data_(on(data, module.device())),
      options_(std::move(options)),
      at_(module, options_.params) {}

std::int64_t NetworkLoss::batches() const {
  return (data_.size() + options_.batch - 1) / options_.batch;
}

std::int64_t NetworkLoss::end(std::int64_t batch) const {
  return std::min((batch + 1) * options_.batch, data_.size());
}

nn::CallOptions NetworkLoss::call() const {
  return {.mode = options_.mode == "train" ? nn::Mode::train : nn::Mode::eval};
}

LikelihoodPtr NetworkLoss::loss_of(const Tensor& labels) const {
  if (options_.loss == "cross-entropy") return cross_entropy_loss(labels);
  return mse_loss(one_hot(labels, data_.classes, at_.space.dtype()));
}

LinearMap NetworkLoss::of_samples(std::int64_t begin, std::int64_t end,
                                  const MapOptions& options) const {
  const Tensor images = data_.images.slice(0, begin, end);
  const LikelihoodPtr loss = loss_of(data_.labels.slice(0, begin, end));
  const std::string& matrix = options_.matrix;
  if (matrix == "hessian") {
    const auto value = [this, loss, images](nn::Context& ctx) {
      return loss->value(module_(ctx, images));
    };
    return hessian_map(at_.function(value, call()), at_, options);
  }
  const Function outputs = at_.outputs(images, call());
  if (matrix == "ggn") return gauss_newton_map(outputs, loss, at_, options);
  if (matrix == "fisher") return fisher_map(outputs, loss, at_, options);
  if (matrix == "functional") return functional_map(outputs, loss, at_, options);
  return empirical_fisher_map(outputs, loss, at_, options);
}

void NetworkLoss::require_deterministic() const {
  sonde::require_deterministic(
      at_, {.loss =
                [this](nn::Context& ctx, const Vars& batch) {
                  return loss_of(batch[1].tensor())->value(module_(ctx, batch[0]));
                },
            .batch =
                [this] {
                  return make_vars(Var(data_.images.slice(0, 0, end(0))),
                                   Var(data_.labels.slice(0, 0, end(0))));
                },
            .call = [this] { return call(); }});
  nn::Context ctx = at_.context(at_.values, call());
  module_(ctx, data_.images.slice(0, 0, end(0)));
  if (!ctx.updates().empty() && batches() > 1)
    fail_hint(ErrorCode::numeric, "--mode", "use eval mode, or one --batch for all samples",
              "batch norm is in training mode, so that the loss depends on which samples meet in a "
              "batch");
}

double NetworkLoss::value() const {
  double sum = 0;
  for (std::int64_t i = 0; i < batches(); ++i) {
    const std::int64_t begin = i * options_.batch;
    const Var z = at_.outputs(data_.images.slice(0, begin, end(i)), call())(at_.values)[0];
    sum += static_cast<double>(end(i) - begin) *
           loss_of(data_.labels.slice(0, begin, end(i)))->value(z).item();
  }
  return sum / static_cast<double>(data_.size());
}

DataMap NetworkLoss::curvature() const {
  std::vector<std::int64_t> sizes;
  for (std::int64_t i = 0; i < batches(); ++i) sizes.push_back(end(i) - i * options_.batch);
  return DataMap(
      mean_weights(sizes),
      [this](std::int64_t i, const MapOptions& options) {
        return of_samples(i * options_.batch, end(i), options);
      },
      options_.memory);
}

NetworkLoss::Estimate NetworkLoss::estimate() const {
  const MapOptions recorded{.retain = Retain::yes};
  const std::int64_t two = std::min<std::int64_t>(2, data_.size());
  const Cost first = of_samples(0, 1, recorded).cost(1),
             both = of_samples(0, two, recorded).cost(1);
  // Costs grow with the samples from a part that is there once.
  const auto of = [&](double one, double more, std::int64_t samples) {
    return one + static_cast<double>(samples - 1) * (more - one);
  };
  const double batch_bytes = of(first.bytes, both.bytes, end(0)),
               record = batch_bytes / 2,  // a record, and as much again for a product
      room = static_cast<double>(options_.memory) / 2;
  Estimate e;
  e.kept = std::min(batches(), static_cast<std::int64_t>(std::floor(room / record)));
  const auto all = static_cast<double>(batches()), kept = static_cast<double>(e.kept);
  const double batch_flops = of(first.flops, both.flops, end(0));
  // Without a record the function is run and counted again for each product.
  e.flops = batch_flops * (kept + 2 * (all - kept));
  e.record_bytes = kept * record;
  e.product_bytes = batch_bytes;
  return e;
}

}  // namespace sonde::experiments
