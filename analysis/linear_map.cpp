#include "analysis/linear_map.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>

#include "autograd/ops.hpp"
#include "tensor/parallel.hpp"

namespace sonde {
namespace {

using Rule = LinearMap::Rule;

// Whether all numbers are finite: of a NaN or an infinity all bits of the exponent are ones, and
// one more at its end runs over into the sign. No branch, so that it is done in vectors.
template <class T>
bool all_finite(const T* values, std::int64_t n) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr Bits sign = Bits{1} << (8 * sizeof(T) - 1),
                 one = Bits{1} << (std::numeric_limits<T>::digits - 1);
  Bits any = 0;
  for (std::int64_t i = 0; i < n; ++i) any |= (std::bit_cast<Bits>(values[i]) & ~sign) + one;
  return (any & sign) == 0;
}

template <class T>
std::int64_t first_bad(const Tensor& t) {
  constexpr std::int64_t grain = 1 << 16;
  const T* values = t.data<T>();
  std::atomic<bool> good = true;
  parallel_for(t.numel(), grain, [&](std::int64_t begin, std::int64_t end) {
    if (!all_finite(values + begin, end - begin)) good = false;
  });
  if (good) return -1;
  return std::find_if(values, values + t.numel(), [](T v) { return !std::isfinite(v); }) - values;
}

// Position of the first NaN or infinity of contiguous vectors, -1 if there is none.
std::int64_t bad_position(const Tensor& t) {
  if (t.device().type != DeviceType::cpu)
    return all(isfinite(t)).item() != 0 ? -1 : bad_position(t.to(Device{}));
  return t.dtype() == DType::f32 ? first_bad<float>(t) : first_bad<double>(t);
}

void check_vectors(const Tensor& v, const Space& space, const std::string& map) {
  if (v.rank() != 2 || v.size(0) < 1 || v.size(1) != space.size())
    fail(ErrorCode::shape, map, "takes vectors of {} elements, these are {}", space.size(),
         v.shape());
  if (v.dtype() != space.dtype())
    fail_hint(ErrorCode::dtype, map,
              fmt::format("convert with to(DType::{})", to_string(space.dtype())),
              "takes vectors of {}, these are {}", space.dtype(), v.dtype());
  if (!(v.device() == space.device()))
    fail_hint(ErrorCode::device, map, fmt::format("move them with to({})", space.device()),
              "takes vectors on {}, these are on {}", space.device(), v.device());
}

Tensor checked_product(Tensor product, const Tensor& operand, const Space& space,
                       const std::string& map) {
  product = product.contiguous();
  const std::int64_t at = bad_position(product);
  if (at < 0) return product;
  if (bad_position(operand) >= 0)
    fail(ErrorCode::numeric, map, "the vector given holds a NaN or an infinity");
  const std::int64_t element = at % space.size();
  const auto block = std::ranges::find_if(
      space.blocks(), [&](const Block& b) { return element < b.begin + b.size; });
  fail_hint(ErrorCode::numeric, map,
            "run the product in AnomalyMode to see the first operation that gives one",
            "the product holds a NaN or an infinity, first in element {} of block {}",
            element - block->begin, block->name);
}

Tensor row(const Tensor& v, const std::string& map) {
  if (v.rank() != 1)
    fail_hint(ErrorCode::shape, map, "use apply_batch() for many vectors",
              "takes one vector, this is {}", v.shape());
  return v.unsqueeze(0);
}

// A part of both Spaces: vectors are put into zeros, products are cut.
class Restricted final : public Rule {
 public:
  Restricted(std::shared_ptr<const Rule> whole, std::string_view rows, std::string_view columns)
      : whole_(std::move(whole)),
        rows_(whole_->range().matching(rows)),
        columns_(whole_->domain().matching(columns)),
        range_(whole_->range().restricted(rows)),
        domain_(whole_->domain().restricted(columns)) {}
  const Space& domain() const override { return domain_; }
  const Space& range() const override { return range_; }
  Tensor apply(const Tensor& v) const override {
    return cut(whole_->apply(put(v, domain_, columns_, whole_->domain())), rows_, whole_->range(),
               range_);
  }
  Tensor transpose(const Tensor& u) const override {
    return cut(whole_->transpose(put(u, range_, rows_, whole_->range())), columns_,
               whole_->domain(), domain_);
  }
  bool symmetric() const override { return whole_->symmetric() && rows_ == columns_; }
  Cost cost(std::int64_t n) const override {
    Cost cost = whole_->cost(n);
    cost.bytes += static_cast<double>(n) * static_cast<double>(size_of(domain_.dtype())) *
                  static_cast<double>(whole_->domain().size() + whole_->range().size());
    return cost;
  }
  std::string name() const override { return "part of " + whole_->name(); }

 private:
  using Positions = std::vector<std::size_t>;
  static Tensor put(const Tensor& v, const Space& part, const Positions& at, const Space& whole) {
    Tensor out = Tensor::zeros({v.size(0), whole.size()}, whole.dtype(), whole.device());
    for (std::size_t i = 0; i < at.size(); ++i) {
      const Block &from = part.blocks()[i], &to = whole.blocks()[at[i]];
      out.slice(1, to.begin, to.begin + to.size)
          .copy_from(v.slice(1, from.begin, from.begin + from.size));
    }
    return out;
  }
  static Tensor cut(const Tensor& v, const Positions& at, const Space& whole, const Space& part) {
    Tensor out = Tensor::empty({v.size(0), part.size()}, part.dtype(), part.device());
    for (std::size_t i = 0; i < at.size(); ++i) {
      const Block &from = whole.blocks()[at[i]], &to = part.blocks()[i];
      out.slice(1, to.begin, to.begin + to.size)
          .copy_from(v.slice(1, from.begin, from.begin + from.size));
    }
    return out;
  }

  const std::shared_ptr<const Rule> whole_;
  const Positions rows_, columns_;
  const Space range_, domain_;
};

class TransposedRule final : public Rule {
 public:
  explicit TransposedRule(std::shared_ptr<const Rule> of) : of_(std::move(of)) {}
  const Space& domain() const override { return of_->range(); }
  const Space& range() const override { return of_->domain(); }
  Tensor apply(const Tensor& v) const override { return of_->transpose(v); }
  Tensor transpose(const Tensor& u) const override { return of_->apply(u); }
  bool symmetric() const override { return of_->symmetric(); }
  Cost cost(std::int64_t n) const override { return of_->cost(n); }
  std::string name() const override { return "transposed " + of_->name(); }

 private:
  const std::shared_ptr<const Rule> of_;
};

}  // namespace

LinearMap::LinearMap(std::shared_ptr<const Rule> rule) : rule_(std::move(rule)) {}

Tensor LinearMap::apply_batch(const Tensor& vectors) const {
  check_vectors(vectors, domain(), name());
  const Tensor v = vectors.contiguous();
  return checked_product(rule_->apply(v), v, range(), name());
}

Tensor LinearMap::transpose_batch(const Tensor& vectors) const {
  check_vectors(vectors, range(), name());
  const Tensor u = vectors.contiguous();
  return checked_product(symmetric() ? rule_->apply(u) : rule_->transpose(u), u, domain(), name());
}

Tensor LinearMap::apply(const Tensor& v) const {
  return apply_batch(row(v, name())).select(0, 0);
}

Tensor LinearMap::transpose(const Tensor& u) const {
  return transpose_batch(row(u, name())).select(0, 0);
}

LinearMap LinearMap::restricted(std::string_view rows, std::string_view columns) const {
  return LinearMap(std::make_shared<Restricted>(rule_, rows, columns));
}

LinearMap LinearMap::transposed() const {
  return LinearMap(std::make_shared<TransposedRule>(rule_));
}

}  // namespace sonde
