#include "analysis/derivative.hpp"

#include <algorithm>
#include <bit>

#include "tensor/parallel.hpp"

namespace sonde {
namespace {

// From this size on a tensor is worth an operation of its own. On the CPU measured; on a device
// what its memory moves while a kernel is launched, a few microseconds at a few terabytes a second.
double worth_an_operation(Device device) {
  return device.type == DeviceType::cpu ? 48 << 10 : 8 << 20;
}

// Writes the tensors, with a leading axis unless there is one row, into the rows of `out`.
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

// Vectors whose intermediate values fit beside the record, at least one.
std::int64_t Derivative::fitting(std::int64_t n) const {
  if (options_.max_memory == 0 || count_.bytes == 0) return n;
  const double left = static_cast<double>(options_.max_memory) - count_.bytes;
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(left / count_.bytes), 1, n);
}

// As many as make a typical operation large enough, its share of the vectors counted in. The same
// for any number of threads, as it may show in the last bit.
std::int64_t Derivative::lanes(std::int64_t n) const {
  if (count_.operations == 0) return n;
  const auto vectors =
      static_cast<double>((domain_.size() + range_.size()) * size_of(domain_.dtype()));
  const double each = count_.typical_bytes + vectors / static_cast<double>(count_.operations);
  // A power of two, as numbers of vectors often are: sweeps that threads can share evenly.
  const auto enough = std::bit_floor(std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(worth_an_operation(domain_.device()) / each)));
  return std::min(static_cast<std::int64_t>(enough), fitting(n));
}

// Sweeps that may be under way at once. A device is filled by the lanes of one.
std::int64_t Derivative::side_by_side(std::int64_t chunks, std::int64_t lanes) const {
  if (!retained_ || domain_.device().type != DeviceType::cpu) return 1;
  return std::min(chunks, std::max<std::int64_t>(1, fitting(chunks * lanes) / lanes));
}

Cost Derivative::cost(std::int64_t n) const {
  const std::int64_t at_once = lanes(n), chunks = (n + at_once - 1) / at_once,
                     under_way = std::min<std::int64_t>(threads(), side_by_side(chunks, at_once));
  return {2 * static_cast<double>(n) * count_.flops +
              (retained_ ? 0 : static_cast<double>(chunks) * count_.flops),
          static_cast<double>(1 + at_once * under_way) * count_.bytes};
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
  const std::int64_t n = vectors.size(0), step = lanes(n), chunks = (n + step - 1) / step,
                     together = side_by_side(chunks, step);
  Tensor out = Tensor::empty({n, to.size()}, to.dtype(), to.device());
  const auto run = [&](std::int64_t i) {
    const std::int64_t begin = i * step, end = std::min(n, begin + step);
    const bool many = end - begin > 1;
    const Tensor some = many ? vectors.slice(0, begin, end) : vectors.select(0, begin);
    put(product(from.unflatten(some), forward, many), to, out.slice(0, begin, end));
  };
  if (retained_) record();  // before threads would wait for it
  for (std::int64_t i = 0; i < chunks; i += together)
    parallel_chunks(std::min(together, chunks - i), [&](std::int64_t k) { run(i + k); });
  return out;
}

Tensor Derivative::forward(const Tensor& vectors) const {
  return in_chunks(vectors, true);
}

Tensor Derivative::backward(const Tensor& vectors) const {
  return in_chunks(vectors, false);
}

}  // namespace sonde
