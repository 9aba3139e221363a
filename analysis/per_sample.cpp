#include "analysis/per_sample.hpp"

#include <algorithm>

#include "analysis/count.hpp"
#include "analysis/layer_norms.hpp"
#include "autograd/ops.hpp"

namespace sonde {

using detail::PerSample;

std::int64_t detail::batch_size(const Vars& batch) {
  if (batch.empty()) fail(ErrorCode::shape, "per_sample", "the batch holds no tensors");
  for (const Var& t : batch)
    if (t.rank() == 0 || t.size(0) != batch[0].size(0))
      fail(ErrorCode::shape, "per_sample", "the batch holds {} and {}: samples lie along axis 0",
           batch[0].spec(), t.spec());
  return batch[0].size(0);
}

Vars detail::samples(const Vars& batch, std::int64_t begin, std::int64_t end) {
  Vars some;
  for (const Var& t : batch) some.push_back(slice(t, 0, begin, end));
  return some;
}

Var detail::losses_of(const PerSample& p, const Vars& chosen, const Vars& batch,
                      const nn::CallOptions& call) {
  nn::Context ctx = p.at.context(chosen, call);
  Var losses = p.losses(ctx, batch);
  if (losses.shape() != Dims{batch[0].size(0)})
    fail_hint(ErrorCode::shape, "per_sample", "use Reduction::none",
              "{} samples have losses [{}], not {}", batch[0].size(0), batch[0].size(0),
              losses.spec());
  return losses;
}

namespace {

using detail::batch_size;
using detail::losses_of;
using detail::samples;

// (parameters..., sample...) -> gradients with respect to the parameters at `wanted`.
Function sample_gradient(const PerSample& p, const Arguments& wanted) {
  const std::size_t parameters = p.at.values.size();
  const Function loss = [&p, parameters](const Vars& all) {
    Vars chosen, sample;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (i < parameters)
        chosen.push_back(all[i]);
      else
        sample.push_back(unsqueeze(all[i], 0));
    return select(losses_of(p, chosen, sample, p.options.call), 0, 0);
  };
  return grad(loss, wanted);
}

Arguments all_of(const ParameterPoint& at) {
  Arguments all;
  for (std::size_t i = 0; i < at.values.size(); ++i) all.push_back(static_cast<int>(i));
  return all;
}

}  // namespace

std::int64_t detail::resolved_chunk(const PerSample& p) {
  constexpr std::int64_t most = 64;
  const PerSampleOptions& o = p.options;
  if (o.chunk < 0 || o.max_memory < 0)
    fail(ErrorCode::value, "per_sample", "chunk {}, max_memory {}", o.chunk, o.max_memory);
  if (o.chunk > 0) return o.chunk;
  if (o.max_memory == 0 || batch_size(p.batch) == 0) return most;
  const Function of_first = [&](const Vars& chosen) {
    Vars all = chosen;
    for (const Var& t : p.batch) all.push_back(select(t, 0, 0));
    return sample_gradient(p, all_of(p.at))(all);
  };
  const double bytes = counted(of_first, p.at.values).bytes;
  return std::clamp<std::int64_t>(
      static_cast<std::int64_t>(static_cast<double>(o.max_memory) / std::max(bytes, 1.0)), 1, most);
}

namespace {

// Calls visit(begin, gradients [n, ...] of the parameters at `wanted`) for each chunk of samples.
template <class Visit>
void for_chunks(const PerSample& p, const Arguments& wanted, const Visit& visit) {
  const std::int64_t n = batch_size(p.batch), chunk = detail::resolved_chunk(p);
  Axes axes;
  for (std::size_t i = 0; i < p.at.values.size(); ++i) axes.push_back(std::nullopt);
  for (std::size_t i = 0; i < p.batch.size(); ++i) axes.push_back(0);
  const Function gradients = vmap(sample_gradient(p, wanted), {.in_axes = axes});
  for (std::int64_t begin = 0; begin < n; begin += chunk) {
    Vars all = p.at.values;
    for (Var& t : samples(p.batch, begin, std::min(n, begin + chunk))) all.push_back(std::move(t));
    visit(begin, gradients(all));
  }
}

}  // namespace

Tensor detail::chunked_squares(const PerSample& p, const Arguments& wanted) {
  Tensor out = Tensor::zeros({batch_size(p.batch)}, p.at.space.dtype());
  if (wanted.empty()) return out;
  for_chunks(p, wanted, [&](std::int64_t begin, const Vars& gradients) {
    Var total;
    for (const Var& g : gradients) {
      const Var square = sum(reshape(mul(g, g), {g.size(0), -1}), {1});
      total = total ? add(total, square) : square;
    }
    out.slice(0, begin, begin + total.size(0)).copy_from(total.tensor());
  });
  return out;
}

Tensor per_sample_gradients(const ParameterPoint& at, const SampleLosses& losses, const Vars& batch,
                            const PerSampleOptions& options) {
  Tensor out = Tensor::empty({batch_size(batch), at.space.size()}, at.space.dtype());
  for_chunks({at, losses, batch, options}, all_of(at),
             [&](std::int64_t begin, const Vars& gradients) {
               const Tensor rows = at.space.flatten(gradients);
               out.slice(0, begin, begin + rows.size(0)).copy_from(rows);
             });
  return out;
}

Tensor per_sample_gradient_norms(const ParameterPoint& at, const SampleLosses& losses,
                                 const Vars& batch, const PerSampleOptions& options,
                                 NormMethod method) {
  const PerSample p{at, losses, batch, options};
  const std::int64_t n = batch_size(batch);
  detail::Layers layers{.used = {}, .rest = all_of(at)};
  const bool apart = options.call.mode == nn::Mode::eval;  // in training, dropout draws for a batch
  if (method != NormMethod::chunked && apart && n > 0) layers = detail::layers_of(p);
  if (method == NormMethod::structured && layers.used.empty())
    fail_hint(ErrorCode::rule, "per_sample", "use NormMethod::automatic",
              "no layer sees the samples along the first axis of its input, once a call, in eval "
              "mode");
  const Tensor rest = detail::chunked_squares(p, layers.rest);
  Var squares = rest;
  if (!layers.used.empty()) squares = add(squares, detail::layer_squares(p, layers));
  return sqrt(squares).tensor();
}

}  // namespace sonde
