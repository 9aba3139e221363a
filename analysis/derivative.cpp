#include "analysis/derivative.hpp"

#include <algorithm>
#include <cmath>

namespace sonde {
namespace {

// More vectors at once than have their intermediate values in the cache take longer each.
constexpr double working_set = 16 << 20;

// Writes the tensors, each with a leading axis, into the rows of `out`.
void put(const Vars& tensors, const Space& space, const Tensor& out) {
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Block& b = space.blocks()[i];
    out.slice(1, b.begin, b.begin + b.size)
        .copy_from(tensors[i].tensor().reshape({out.size(0), b.size}));
  }
}

bool fits(const MapOptions& o, double bytes) {
  return o.max_memory == 0 || bytes <= static_cast<double>(o.max_memory);
}

}  // namespace

Derivative::Derivative(DerivativeRules rules, const Point& at, FunctionCount count, Space range,
                       MapOptions options, std::string name)
    : rules_(std::move(rules)),
      at_(at.values),
      snapshot_(at.snapshot()),
      count_(std::move(count)),
      domain_(at.space),
      range_(std::move(range)),
      options_(options),
      name_(std::move(name)) {
  if (options.max_memory < 0) fail(ErrorCode::value, name_, "max_memory is {}", options.max_memory);
  retained_ = options.retain == Retain::yes ||
              (options.retain == Retain::automatic && fits(options, 2 * count_.bytes));
}

std::int64_t Derivative::chunk(std::int64_t n) const {
  if (count_.bytes == 0) return n;
  const double left = static_cast<double>(options_.max_memory) - count_.bytes,
               room = options_.max_memory == 0 ? working_set : std::min(working_set, left);
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(room / count_.bytes), 1, n);
}

Cost Derivative::cost(std::int64_t n) const {
  const auto vectors = static_cast<double>(n), at_once = static_cast<double>(chunk(n)),
             chunks = std::ceil(vectors / at_once);
  return {2 * vectors * count_.flops + (retained_ ? 0 : chunks * count_.flops),
          (1 + at_once) * count_.bytes};
}

const Linearization& Derivative::record() const {
  std::call_once(once_, [this] {
    record_ = std::make_unique<const Linearization>(linearize(rules_.function, at_));
  });
  return *record_;
}

Vars Derivative::product(const Vars& vectors, bool forward, bool many) const {
  if (retained_) {
    const Linearization& l = record();
    if (many) return forward ? l.apply_batch(vectors) : l.transpose_batch(vectors);
    return forward ? l.apply(vectors) : l.transpose(vectors);
  }
  const auto& fresh = forward ? rules_.forward : rules_.backward;
  return many ? vmap(Function(fresh))(vectors) : fresh(vectors);
}

Tensor Derivative::in_chunks(const Tensor& vectors, bool forward) const {
  snapshot_.check(name_);
  const Space &from = forward ? domain_ : range_, &to = forward ? range_ : domain_;
  const std::int64_t n = vectors.size(0), step = chunk(n);
  if (n == 1)
    return to.flatten(product(from.unflatten(vectors.select(0, 0)), forward, false)).unsqueeze(0);
  Tensor out = Tensor::empty({n, to.size()}, to.dtype());
  for (std::int64_t begin = 0; begin < n; begin += step) {
    const std::int64_t end = std::min(n, begin + step);
    put(product(from.unflatten(vectors.slice(0, begin, end)), forward, true), to,
        out.slice(0, begin, end));
  }
  return out;
}

Tensor Derivative::forward(const Tensor& vectors) const {
  return in_chunks(vectors, true);
}

Tensor Derivative::backward(const Tensor& vectors) const {
  return in_chunks(vectors, false);
}

}  // namespace sonde
