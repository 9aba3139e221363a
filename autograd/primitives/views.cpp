// Operations that only rename positions; each is linear, its transpose another of them.
#include "autograd/bases.hpp"
#include "autograd/located.hpp"
#include "autograd/promote.hpp"

namespace sonde {
namespace {

class Reshape final : public Named<Reshape, Linear> {
 public:
  static constexpr std::string_view id = "reshape";
  explicit Reshape(const Dims& shape) : shape_(shape) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    out.emplace_back(Spec{resolve_shape(shape_, in[0].numel(), id), in[0].dtype(), in[0].device()});
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    return make_vars(Var(in[0].reshape(out[0].shape)));
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs) const override {
    return {reshape(ct[0], in[0].shape())};
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    const Var x = lanes_first(in[0], axes[0]);
    Dims lane;
    for (int i = 1; i < x.rank(); ++i) lane.push_back(x.shape()[i]);
    Dims shape = resolve_shape(shape_, sonde::numel(lane), id);
    shape.insert(0, n);
    return {make_vars(reshape(x, shape)), {0}};
  }
  std::string attributes() const override { return fmt::format("shape={}", shape_); }

 private:
  Dims shape_;
};

class Permute final : public Named<Permute, Linear> {
 public:
  static constexpr std::string_view id = "permute";
  explicit Permute(const Dims& axes) : axes_(axes) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    const Dims order = normal_axes(axes_, in[0].rank(), id, false);
    if (order.rank() != in[0].rank())
      fail(ErrorCode::axis, id, "{} axes for {}", order.rank(), in[0].spec());
    Dims shape;
    for (std::int64_t a : order) shape.push_back(in[0].shape()[static_cast<int>(a)]);
    out.emplace_back(Spec{shape, in[0].dtype(), in[0].device()});
  }
  Vars forward(std::span<Tensor> in, const Specs&) const override {
    return make_vars(Var(in[0].permute(axes_)));
  }
  Vars vjp(const Vars&, const Vars&, const Vars& ct, Needs) const override {
    const Dims order = normal_axes(axes_, axes_.rank(), id, false);
    Dims inverse = order;
    for (int i = 0; i < order.rank(); ++i) inverse[static_cast<int>(order[i])] = i;
    return {permute(ct[0], inverse)};
  }
  // The lanes stay where they are: only the order of the others changes.
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t) const override {
    Dims order{axes[0]};
    for (std::int64_t a : normal_axes(axes_, axes_.rank(), id, false))
      order.push_back(a < axes[0] ? a : a + 1);
    return {make_vars(permute(in[0], order)), {0}};
  }
  std::string attributes() const override { return fmt::format("axes={}", axes_); }

 private:
  Dims axes_;
};

class BroadcastTo final : public Named<BroadcastTo, Linear> {
 public:
  static constexpr std::string_view id = "broadcast_to";
  explicit BroadcastTo(const Dims& shape) : shape_(shape) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    numel(shape_);
    if (shape_.rank() < in[0].rank() || !(broadcast_shapes(in[0].shape(), shape_, id) == shape_))
      fail(ErrorCode::broadcast, id, "{} does not broadcast to {}", in[0].spec(), shape_);
    out.emplace_back(Spec{shape_, in[0].dtype(), in[0].device()});
  }
  Vars forward(std::span<Tensor> in, const Specs&) const override {
    return make_vars(Var(in[0].expand(shape_)));
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs) const override {
    return {sum_to(ct[0], in[0].shape())};
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    const Var x = lanes_first(in[0], axes[0]);
    Dims aligned = x.shape(), shape = shape_;
    while (aligned.rank() < shape_.rank() + 1) aligned.insert(1, 1);
    shape.insert(0, n);
    return {make_vars(broadcast_to(reshape(x, aligned), shape)), {0}};
  }
  std::string attributes() const override { return fmt::format("shape={}", shape_); }

 private:
  Dims shape_;
};

}  // namespace

Var reshape(Operand x, const Dims& shape) {
  if (x.var && x.var.shape() == shape) return std::move(x.var);
  const std::source_location where = x.where;
  return emit1(make_ref<Reshape>(shape), make_vars(as_var(std::move(x))), where);
}

Var permute(Operand x, const Dims& axes) {
  const std::source_location where = x.where;
  return emit1(make_ref<Permute>(axes), make_vars(as_var(std::move(x))), where);
}

Var transpose(Operand x, std::int64_t a, std::int64_t b) {
  const std::source_location where = x.where;
  return located(where, [&] {
    Var v = as_var(std::move(x));
    Dims axes;
    for (int i = 0; i < v.rank(); ++i) axes.push_back(i);
    std::swap(axes[normal_axis(a, v.rank(), "transpose")],
              axes[normal_axis(b, v.rank(), "transpose")]);
    return permute({std::move(v), where}, axes);
  });
}

Var broadcast_to(Operand x, const Dims& shape) {
  if (x.var && x.var.shape() == shape) return std::move(x.var);
  const std::source_location where = x.where;
  return emit1(make_ref<BroadcastTo>(shape), make_vars(as_var(std::move(x))), where);
}

Var squeeze(Operand x, std::int64_t axis) {
  const std::source_location where = x.where;
  return located(where, [&] {
    Var v = as_var(std::move(x));
    const int a = normal_axis(axis, v.rank(), "squeeze");
    Dims shape = v.shape();
    if (shape[a] != 1)
      fail(ErrorCode::shape, "squeeze", "axis {} of {} has size {}, not 1", axis, v.spec(),
           shape[a]);
    shape.erase(a);
    return reshape({std::move(v), where}, shape);
  });
}

Var unsqueeze(Operand x, std::int64_t axis) {
  const std::source_location where = x.where;
  return located(where, [&] {
    Var v = as_var(std::move(x));
    Dims shape = v.shape();
    shape.insert(normal_axis(axis, v.rank() + 1, "unsqueeze"), 1);
    return reshape({std::move(v), where}, shape);
  });
}

}  // namespace sonde
