#include "analysis/per_sample.hpp"

#include <algorithm>

#include "analysis/count.hpp"
#include "analysis/use_forms.hpp"
#include "autograd/ops.hpp"

namespace sonde {
namespace {

std::int64_t batch_size(const Vars& batch) {
  if (batch.empty()) fail(ErrorCode::shape, "per_sample", "the batch holds no tensors");
  for (const Var& t : batch)
    if (t.rank() == 0 || t.size(0) != batch[0].size(0))
      fail(ErrorCode::shape, "per_sample", "the batch holds {} and {}: samples lie along axis 0",
           batch[0].spec(), t.spec());
  return batch[0].size(0);
}

// The arguments of the functions of per_sample.hpp.
struct PerSample {
  const ParameterPoint& at;
  const SampleLosses& losses;
  const Vars& batch;
  const PerSampleOptions& options;
  std::int64_t size = batch_size(batch);

  Vars samples(std::int64_t begin, std::int64_t end) const {
    Vars some;
    for (const Var& t : batch) some.push_back(slice(t, 0, begin, end));
    return some;
  }

  // The loss of one sample, without its axis.
  ItemFunction loss() const {
    return [this](const Vars& chosen, const Vars& sample) {
      Vars one;
      for (const Var& t : sample) one.push_back(unsqueeze(t, 0));
      nn::Context ctx = at.context(chosen, options.call);
      const Var value = losses(ctx, one);
      if (value.shape() != Dims{1})
        fail_hint(ErrorCode::shape, "per_sample", "use Reduction::none",
                  "n samples have losses [n], one has [1] and not {}", value.spec());
      return select(value, 0, 0);
    };
  }
};

// (parameters..., sample...) -> gradients with respect to all parameters.
Function sample_gradient(const PerSample& p) {
  const std::size_t parameters = p.at.values.size();
  Arguments wanted;
  for (std::size_t i = 0; i < parameters; ++i) wanted.push_back(static_cast<int>(i));
  const Function loss = [f = p.loss(), parameters](const Vars& all) {
    const std::span<const Var> in(all);
    return f(Vars(in.first(parameters)), Vars(in.subspan(parameters)));
  };
  return grad(loss, wanted);
}

std::int64_t resolved_chunk(const PerSample& p) {
  constexpr std::int64_t most = 64;
  const PerSampleOptions& o = p.options;
  if (o.chunk < 0 || o.max_memory < 0)
    fail(ErrorCode::value, "per_sample", "chunk {}, max_memory {}", o.chunk, o.max_memory);
  if (o.chunk > 0) return o.chunk;
  if (o.max_memory == 0 || p.size == 0) return most;
  const Function of_first = [&](const Vars& chosen) {
    Vars all = chosen;
    for (const Var& t : p.batch) all.push_back(select(t, 0, 0));
    return sample_gradient(p)(all);
  };
  const double bytes = counted(of_first, p.at.values).bytes;
  return std::clamp<std::int64_t>(
      static_cast<std::int64_t>(static_cast<double>(o.max_memory) / std::max(bytes, 1.0)), 1, most);
}

// [N, ...] from what of(samples) gives for each chunk of samples.
template <class F>
Tensor by_chunks(const PerSample& p, const Dims& shape, const F& of) {
  Tensor out = Tensor::empty(shape, p.at.space.dtype(), p.at.space.device());
  const std::int64_t chunk = resolved_chunk(p);
  for (std::int64_t begin = 0; begin < p.size; begin += chunk) {
    const std::int64_t end = std::min(p.size, begin + chunk);
    out.slice(0, begin, end).copy_from(of(p.samples(begin, end)));
  }
  return out;
}

Vars gradients_of(const PerSample& p, const Vars& samples) {
  Axes axes;
  Vars all = p.at.values;
  for (std::size_t i = 0; i < all.size(); ++i) axes.push_back(std::nullopt);
  for (const Var& t : samples) {
    all.push_back(t);
    axes.push_back(0);
  }
  return vmap(sample_gradient(p), {.in_axes = axes})(all);
}

Var squares(const Var& rows) {
  return sum(reshape(mul(rows, rows), {rows.size(0), -1}), {1});
}

Var total_of(const Vars& parts) {
  Var total = parts[0];
  for (std::size_t i = 1; i < parts.size(); ++i) total = add(total, parts[i]);
  return total;
}

// Squared norms of one chunk, from the factors of the weights' gradients.
Tensor structured_squares(const PerSample& p, const ParameterUses& uses, const Vars& samples) {
  const Derivatives d = derivatives(p.loss(), p.at.values, samples, uses);
  const Space& space = p.at.space;
  Vars parts = make_vars(Var(Tensor::zeros({samples[0].size(0)}, space.dtype(), space.device())));
  for (std::size_t k = 0; k < uses.uses.size(); ++k)
    parts.push_back(squared_norms(uses.uses[k], d.factors[k]));
  for (const Var& g : d.others) parts.push_back(squares(g));
  return total_of(parts).tensor();
}

Tensor chunked_squares(const PerSample& p, const Vars& samples) {
  Vars parts;
  for (const Var& g : gradients_of(p, samples)) parts.push_back(squares(g));
  return total_of(parts).tensor();
}

}  // namespace

Tensor per_sample_gradients(const ParameterPoint& at, const SampleLosses& losses, const Vars& batch,
                            const PerSampleOptions& options) {
  const PerSample p{at, losses, batch, options};
  return by_chunks(p, {p.size, at.space.size()},
                   [&](const Vars& samples) { return at.space.flatten(gradients_of(p, samples)); });
}

Tensor per_sample_gradient_norms(const ParameterPoint& at, const SampleLosses& losses,
                                 const Vars& batch, const PerSampleOptions& options,
                                 NormMethod method) {
  const PerSample p{at, losses, batch, options};
  ParameterUses uses;
  if (method != NormMethod::chunked && p.size > 0)
    uses = parameter_uses(p.loss(), at.values, batch);
  if (method == NormMethod::structured && uses.uses.empty())
    fail_hint(ErrorCode::rule, "per_sample", "use NormMethod::automatic",
              "no chosen parameter is the weight of a product, a convolution or a look-up");
  const Tensor squared = by_chunks(p, {p.size}, [&](const Vars& samples) {
    return method == NormMethod::chunked ? chunked_squares(p, samples)
                                         : structured_squares(p, uses, samples);
  });
  return sqrt(Var(squared)).tensor();
}

}  // namespace sonde
