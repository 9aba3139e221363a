// Sorting along an axis. The order is locally constant, so values move as by gather.
#include "autograd/bases.hpp"
#include "autograd/promote.hpp"
#include "tensor/kernels/index.hpp"

namespace sonde {
namespace {

class Sort final : public Named<Sort> {
 public:
  static constexpr std::string_view id = "sort";
  /// The first `k` of the order, or all if there is no k.
  Sort(std::int64_t axis, bool descending, std::optional<std::int64_t> k)
      : axis_(axis), descending_(descending), k_(k) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    Spec spec = in[0].spec();
    const int axis = normal_axis(axis_, spec.shape.rank(), id);
    if (k_ && (*k_ < 0 || *k_ > spec.shape[axis]))
      fail(ErrorCode::value, id, "the first {} of axis {} of {}", *k_, axis_, spec);
    if (k_) spec.shape[axis] = *k_;
    out.push_back(spec);
    spec.dtype = DType::i64;
    out.push_back(spec);
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Tensor values = Tensor::empty(out[0].shape, out[0].dtype, out[0].device);
    Tensor indices = Tensor::empty(out[1].shape, out[1].dtype, out[1].device);
    kernels::sort.find(values.device(), values.dtype())(in[0], normal_axis(axis_, in[0].rank(), id),
                                                        descending_, values, indices);
    return make_vars(Var(values), Var(indices));
  }
  Vars jvp(const Vars&, const Vars& out, const Vars& t) const override {
    return {gather(t[0], axis_, out[1]), Var()};
  }
  Vars vjp(const Vars& in, const Vars& out, const Vars& ct, Needs) const override {
    return {scatter_sum(ct[0], axis_, out[1], in[0].shape())};
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t) const override {
    const int axis = normal_axis(axis_, in[0].rank() - 1, id) + 1;
    return {emit(make_ref<Sort>(axis, descending_, k_), make_vars(lanes_first(in[0], axes[0]))),
            {0, 0}};
  }
  Saves saves() const override { return Saves::only_outputs(0b10); }
  std::string attributes() const override {
    return fmt::format("axis={}, descending={}", axis_, descending_);
  }

 private:
  std::int64_t axis_;
  bool descending_;
  std::optional<std::int64_t> k_;
};

Sorted sorted(Operand x, std::int64_t axis, bool descending, std::optional<std::int64_t> k) {
  const std::source_location where = x.where;
  const Var v = as_var(std::move(x));
  const bool scalar = v.rank() == 0;
  Vars out = emit(make_ref<Sort>(axis, descending, k),
                  make_vars(scalar ? reshape({v, where}, {1}) : v), where);
  if (!scalar || k == 0) return {out[0], out[1]};
  return {reshape({out[0], where}, {}), reshape({out[1], where}, {})};
}

}  // namespace

Sorted sort(Operand x, std::int64_t axis, bool descending) {
  return sorted(std::move(x), axis, descending, {});
}

Var argsort(Operand x, std::int64_t axis, bool descending) {
  return sorted(std::move(x), axis, descending, {}).indices;
}

Sorted topk(Operand x, std::int64_t k, std::int64_t axis, bool largest) {
  return sorted(std::move(x), axis, largest, k);
}

}  // namespace sonde
