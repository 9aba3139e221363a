// Reductions over axes.
#include "autograd/bases.hpp"
#include "autograd/promote.hpp"
#include "tensor/kernels/reduce.hpp"

namespace sonde {
namespace {

Dims reduced_shape(const Dims& shape, const Dims& axes, bool keepdim) {
  Dims out;
  for (int i = 0; i < shape.rank(); ++i) {
    bool gone = false;
    for (std::int64_t a : axes) gone |= a == i;
    if (!gone) out.push_back(shape[i]);
    else if (keepdim) out.push_back(1);
  }
  return out;
}

class Sum final : public Named<Sum, Linear> {
 public:
  static constexpr std::string_view id = "sum";
  Sum(const Dims& axes, bool keepdim) : axes_(axes), keepdim_(keepdim) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    const Dims axes = normal_axes(axes_, in[0].rank(), id);
    const DType t = in[0].dtype();
    out.emplace_back(Spec{reduced_shape(in[0].shape(), axes, keepdim_), is_float(t) ? t : DType::i64, in[0].device()});
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Tensor result = Tensor::empty(out[0].shape, out[0].dtype, out[0].device);
    kernels::sum.find(in[0].device(), in[0].dtype())(in[0], normal_axes(axes_, in[0].rank(), id), result);
    return make_vars(Var(result));
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs) const override {
    const Dims axes = normal_axes(axes_, in[0].rank(), id);
    return {broadcast_to(reshape(ct[0], reduced_shape(in[0].shape(), axes, true)), in[0].shape())};
  }
  Batched batch(const Vars& in, std::span<const int> lanes, std::int64_t) const override {
    Dims axes = normal_axes(axes_, in[0].rank() - 1, id);
    if (axes.empty()) return {make_vars(in[0]), {lanes[0]}};
    for (std::int64_t& a : axes) ++a;
    return {make_vars(sum(lanes_first(in[0], lanes[0]), axes, keepdim_)), {0}};
  }
  std::string attributes() const override { return fmt::format("axes={}, keepdim={}", axes_, keepdim_); }

 private:
  Dims axes_;
  bool keepdim_;
};

}  // namespace

Var sum(Operand x, const Dims& axes, bool keepdim) {
  const std::source_location where = x.where;
  return emit1(make_ref<Sum>(axes, keepdim), make_vars(as_var(std::move(x))), where);
}

}  // namespace sonde
