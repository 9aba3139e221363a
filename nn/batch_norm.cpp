#include "nn/batch_norm.hpp"

#include "autograd/ops.hpp"

namespace sonde::nn {
namespace {
constexpr std::string_view op = "batch_norm";
}

BatchNorm::BatchNorm(std::string name, int least_rank, int greatest_rank, std::int64_t num_features,
                     Options options)
    : name_(std::move(name)),
      least_rank_(least_rank),
      greatest_rank_(greatest_rank),
      channels_(num_features),
      options_(options) {
  if (channels_ < 1 || !(options_.eps >= 0))
    fail(ErrorCode::value, op, "{} channels, eps {}", channels_, options_.eps);
  if (options_.affine) {
    weight_ = parameter("weight", Tensor::ones({channels_}));
    bias_ = parameter("bias", Tensor::zeros({channels_}));
  }
  if (options_.track_running_stats) {
    mean_ = buffer("running_mean", Tensor::zeros({channels_}));
    var_ = buffer("running_var", Tensor::ones({channels_}));
    batches_ = buffer("num_batches_tracked", Tensor::scalar(0, DType::i64));
  }
}

Var BatchNorm::forward(Context& ctx, Var x) const {
  if (x.rank() < least_rank_ || x.rank() > greatest_rank_ || x.size(1) != channels_)
    fail(ErrorCode::shape, op, "{} for {} channels does not take x {}", name_, channels_, x.spec());
  if (ctx.training() || !options_.track_running_stats) return by_batch(ctx, x);
  return batch_norm(std::move(x), ctx[mean_], ctx[var_], weight_ ? ctx[weight_] : Var(),
                    bias_ ? ctx[bias_] : Var(), options_.eps);
}

Var BatchNorm::by_batch(Context& ctx, const Var& x) const {
  const std::int64_t n = x.numel() / channels_;
  if (n < 2)
    fail_hint(ErrorCode::shape, op, "a larger batch, eval mode, or another norm",
              "x {} has no two values a channel to take a variance of", x.spec());
  BatchNormTrained out =
      batch_norm_train(x, weight_ ? ctx[weight_] : Var(), bias_ ? ctx[bias_] : Var(), options_.eps);
  if (options_.track_running_stats)
    track(ctx, out.mean, mul(out.var, static_cast<double>(n) / static_cast<double>(n - 1)));
  return std::move(out.y);
}

void BatchNorm::track(Context& ctx, const Var& mean, const Var& unbiased_var) const {
  const Var batches = add(ctx[batches_], 1.0);
  const Var share = options_.momentum ? Var(Tensor::scalar(*options_.momentum, DType::f64))
                                      : div(1.0, sonde::to(batches, DType::f64));
  auto mixed = [&share](const Var& running, const Var& batch) {
    const DType dtype = running.dtype();
    return add(mul(running, sonde::to(sub(1.0, share), dtype)),
               mul(batch, sonde::to(share, dtype)));
  };
  ctx.update(mean_, mixed(ctx[mean_], mean));
  ctx.update(var_, mixed(ctx[var_], unbiased_var));
  ctx.update(batches_, batches);
}

std::string BatchNorm::description() const {
  const Options& o = options_;
  return fmt::format("{}({}, eps={}, momentum={}{}{})", name_, channels_, o.eps,
                     o.momentum ? fmt::format("{}", *o.momentum) : "none",
                     o.affine ? "" : ", affine=false",
                     o.track_running_stats ? "" : ", track_running_stats=false");
}

}  // namespace sonde::nn
