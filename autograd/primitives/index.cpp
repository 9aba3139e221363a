// Elements and slices by index. Each is linear in its floats; gather and scatter, take and
// index_add are each other's transpose.
#include "tensor/kernels/index.hpp"
#include "autograd/attributes.hpp"
#include "autograd/bases.hpp"
#include "autograd/located.hpp"
#include "autograd/primitives/zeros.hpp"
#include "autograd/promote.hpp"

namespace sonde {
namespace {

void check_index_type(const Var& index, std::string_view op) {
  if (index.dtype() != DType::i64)
    fail_hint(ErrorCode::dtype, op, "convert with to(index, DType::i64)", "the index is {}",
              index.spec());
}

// Off the indexed axis, an index may not be larger than what it points into.
void check_fits(const Dims& shape, const Var& index, int axis, std::string_view op) {
  bool fits = index.rank() == shape.rank();
  for (int i = 0; fits && i < shape.rank(); ++i) fits = i == axis || index.shape()[i] <= shape[i];
  if (!fits)
    fail(ErrorCode::shape, op, "index {} does not fit shape {} off axis {}", index.spec(), shape,
         axis);
}

class Gather final : public Named<Gather, Linear> {  // (x, index)
 public:
  static constexpr std::string_view id = "gather";
  explicit Gather(std::int64_t axis) : axis_(axis) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    const int axis = normal_axis(axis_, in[0].rank(), id);
    check_index_type(in[1], id);
    check_fits(in[0].shape(), in[1], axis, id);
    out.emplace_back(Spec{in[1].shape(), in[0].dtype(), in[0].device()});
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Tensor y = Tensor::empty(out[0].shape, out[0].dtype, out[0].device);
    kernels::gather.find(y.device(), y.dtype())(in[0], in[1], normal_axis(axis_, in[0].rank(), id),
                                                y);
    return make_vars(Var(y));
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs) const override {
    return {scatter_sum(ct[0], axis_, in[1], in[0].shape()), Var()};
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    const Var x = with_lanes(in[0], axes[0], n), index = with_lanes(in[1], axes[1], n);
    return {make_vars(gather(x, normal_axis(axis_, x.rank() - 1, id) + 1, index)), {0}};
  }
  Saves saves() const override { return Saves::only_inputs(0b10); }
  std::string attributes() const override { return fmt::format("axis={}", axis_); }

 private:
  std::int64_t axis_;
};

class Scatter final : public Named<Scatter, Linear> {  // (src, index)
 public:
  static constexpr std::string_view id = "scatter_sum";
  Scatter(const Dims& shape, std::int64_t axis) : shape_(shape), axis_(axis) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    const int axis = normal_axis(axis_, shape_.rank(), id);
    check_index_type(in[1], id);
    check_fits(shape_, in[1], axis, id);
    if (!(in[0].shape() == in[1].shape()))
      fail(ErrorCode::shape, id, "src {} and index {} differ", in[0].spec(), in[1].spec());
    numel(shape_);
    out.emplace_back(Spec{shape_, in[0].dtype(), in[0].device()});
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Tensor y = Tensor::zeros(out[0].shape, out[0].dtype, out[0].device);
    kernels::scatter_add.find(y.device(), y.dtype())(in[1], in[0],
                                                     normal_axis(axis_, shape_.rank(), id), y);
    return make_vars(Var(y));
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs) const override {
    return {gather(ct[0], axis_, in[1]), Var()};
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    Dims shape = shape_;
    shape.insert(0, n);
    const Var src = with_lanes(in[0], axes[0], n), index = with_lanes(in[1], axes[1], n);
    return {make_vars(scatter_sum(src, normal_axis(axis_, shape_.rank(), id) + 1, index, shape)),
            {0}};
  }
  Saves saves() const override { return Saves::only_inputs(0b10); }
  std::string attributes() const override {
    return fmt::format("shape={}, axis={}", shape_, axis_);
  }

 private:
  Dims shape_;
  std::int64_t axis_;
};

// shape with `axis` replaced by the index's axes; with lanes, axis 0 of both is the lanes'.
Dims taken_shape(const Dims& shape, const Dims& index, int axis, bool lanes) {
  Dims out;
  for (int i = 0; i < axis; ++i) out.push_back(shape[i]);
  for (int i = lanes ? 1 : 0; i < index.rank(); ++i) out.push_back(index[i]);
  for (int i = axis + 1; i < shape.rank(); ++i) out.push_back(shape[i]);
  numel(out);
  return out;
}

// Two axes in front as one: lanes of lanes.
Var merged(const Var& x) {
  Dims shape = x.shape();
  shape[1] = checked_mul(shape[0], shape[1]);
  shape.erase(0);
  return reshape(x, shape);
}

Var unmerged(const Var& x, std::int64_t n, std::int64_t lanes) {
  Dims shape = x.shape();
  shape[0] = lanes;
  shape.insert(0, n);
  return reshape(x, shape);
}

class Take final : public Named<Take, Linear> {  // (x, index)
 public:
  static constexpr std::string_view id = "take";
  explicit Take(std::int64_t axis, bool lanes = false) : axis_(axis), lanes_(lanes) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    check_index_type(in[1], id);
    const int axis = normal_axis(axis_, in[0].rank(), id);
    out.emplace_back(Spec{taken_shape(in[0].shape(), in[1].shape(), axis, lanes_), in[0].dtype(),
                          in[0].device()});
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Tensor y = Tensor::empty(out[0].shape, out[0].dtype, out[0].device);
    kernels::take.find(y.device(), y.dtype())(in[0], in[1], normal_axis(axis_, in[0].rank(), id),
                                              lanes_, y);
    return make_vars(Var(y));
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs) const override;
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override;
  Saves saves() const override { return Saves::only_inputs(0b10); }
  std::string attributes() const override { return fmt::format("axis={}", axis_); }

  // None if x has lanes.
  std::optional<std::int64_t> axis() const { return lanes_ ? std::nullopt : std::optional(axis_); }

 private:
  std::int64_t axis_;
  bool lanes_;
};

class IndexAdd final : public Named<IndexAdd, Linear> {  // (x, src, index)
 public:
  static constexpr std::string_view id = "index_add";
  explicit IndexAdd(std::int64_t axis, bool lanes = false) : axis_(axis), lanes_(lanes) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    check_index_type(in[2], id);
    const Dims& shape = in[0].shape();
    const Dims want =
        taken_shape(shape, in[2].shape(), normal_axis(axis_, shape.rank(), id), lanes_);
    if (!(in[1].shape() == want))
      fail(ErrorCode::shape, id, "source {} where index {} into shape {} wants {}", in[1].spec(),
           in[2].spec(), shape, want);
    if (in[0].dtype() != in[1].dtype())
      fail_hint(ErrorCode::dtype, id, "convert one with to(...)", "{} and source {} differ in type",
                in[0].spec(), in[1].spec());
    out.emplace_back(in[0].spec());
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Tensor y = Tensor::empty(out[0].shape, out[0].dtype, out[0].device);
    y.copy_from(in[0]);
    kernels::take_add.find(y.device(), y.dtype())(in[2], in[1], normal_axis(axis_, y.rank(), id),
                                                  lanes_, y);
    return make_vars(Var(y));
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs needs) const override {
    return {ct[0], needs[1] ? emit1(make_ref<Take>(axis_, lanes_), make_vars(ct[0], in[2])) : Var(),
            Var()};
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    const Var x = with_lanes(in[0], axes[0], n), src = with_lanes(in[1], axes[1], n);
    const int axis = normal_axis(axis_, x.rank() - 1, id);
    if (lanes_) {  // lanes of lanes: one axis
      const Var index = merged(with_lanes(in[2], axes[2], n));
      const Var y = emit1(make_ref<IndexAdd>(axis, true), make_vars(merged(x), merged(src), index));
      return {make_vars(unmerged(y, n, x.shape()[1])), {0}};
    }
    const bool own_index = axes[2] >= 0;
    const Var index = own_index ? lanes_first(in[2], axes[2]) : in[2];
    return {emit(make_ref<IndexAdd>(axis + 1, own_index), make_vars(x, src, index)), {0}};
  }
  Saves saves() const override { return Saves::only_inputs(0b100); }
  std::string attributes() const override { return fmt::format("axis={}", axis_); }

 private:
  std::int64_t axis_;
  bool lanes_;
};

Vars Take::vjp(const Vars& in, const Vars&, const Vars& ct, Needs) const {
  return {
      emit1(make_ref<IndexAdd>(axis_, lanes_), make_vars(zeros_view(in[0].spec()), ct[0], in[1])),
      Var()};
}

Batched Take::batch(const Vars& in, std::span<const int> axes, std::int64_t n) const {
  const int axis = normal_axis(axis_, in[0].rank() - (axes[0] >= 0 ? 1 : 0), id);
  if (lanes_) {  // lanes of lanes: one axis
    const Var x = with_lanes(in[0], axes[0], n), index = with_lanes(in[1], axes[1], n);
    const Var y = emit1(make_ref<Take>(axis, true), make_vars(merged(x), merged(index)));
    return {make_vars(unmerged(y, n, x.shape()[1])), {0}};
  }
  if (axes[0] < 0)  // the index alone has lanes: they are among the axes it brings
    return {emit(make_ref<Take>(axis), make_vars(in[0], lanes_first(in[1], axes[1]))), {axis}};
  const bool own_index = axes[1] >= 0;
  const Var index = own_index ? lanes_first(in[1], axes[1]) : in[1];
  return {emit(make_ref<Take>(axis + 1, own_index), make_vars(lanes_first(in[0], axes[0]), index)),
          {0}};
}

class OneHot final : public Named<OneHot> {
 public:
  static constexpr std::string_view id = "one_hot";
  OneHot(std::int64_t classes, DType dtype) : classes_(classes), dtype_(dtype) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    check_index_type(in[0], id);
    Dims shape = in[0].shape();
    shape.push_back(classes_);
    numel(shape);
    out.emplace_back(Spec{shape, dtype_, in[0].device()});
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Tensor y = Tensor::empty(out[0].shape, out[0].dtype, out[0].device);
    kernels::one_hot.find(y.device(), y.dtype())(in[0], y);
    return make_vars(Var(y));
  }
  Vars jvp(const Vars&, const Vars&, const Vars&) const override { return {Var()}; }
  Vars vjp(const Vars&, const Vars&, const Vars&, Needs) const override { return {Var()}; }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t) const override {
    return {emit(self(), make_vars(lanes_first(in[0], axes[0]))), {0}};
  }
  bool differentiable() const override { return false; }
  std::string attributes() const override {
    return fmt::format("classes={}, dtype={}", classes_, dtype_);
  }

 private:
  std::int64_t classes_;
  DType dtype_;
};

// An index of any integer type as i64.
Var as_index(Operand index, std::string_view op) {
  const std::source_location where = index.where;
  return located(where, [&] {
    Var v = as_var(std::move(index));
    if (!is_integer(v.dtype()))
      fail_hint(ErrorCode::dtype, op, "convert with to(index, DType::i64)", "the index is {}",
                v.spec());
    return to({std::move(v), where}, DType::i64);
  });
}

Var at_least_vector(const Var& v, std::source_location where) {
  return v.rank() == 0 ? reshape({v, where}, {1}) : v;
}

}  // namespace

std::optional<std::int64_t> take_attributes(const Primitive& p) {
  const auto* take = dynamic_cast<const Take*>(&p);
  return take ? take->axis() : std::nullopt;
}

Var gather(Operand x, std::int64_t axis, Operand index) {
  const std::source_location where = x.where;
  const Var v = as_var(std::move(x)), i = as_index(std::move(index), Gather::id);
  const Var y = emit1(make_ref<Gather>(axis),
                      make_vars(at_least_vector(v, where), at_least_vector(i, where)), where);
  return v.rank() == 0 && i.rank() == 0 ? reshape({y, where}, {}) : y;
}

Var scatter_sum(Operand src, std::int64_t axis, Operand index, const Dims& shape) {
  const std::source_location where = src.where;
  const Var v = at_least_vector(as_var(std::move(src)), where),
            i = at_least_vector(as_index(std::move(index), Scatter::id), where);
  const Var y =
      emit1(make_ref<Scatter>(shape.empty() ? Dims{1} : shape, axis), make_vars(v, i), where);
  return shape.empty() ? reshape({y, where}, {}) : y;
}

Var scatter_add(Operand x, std::int64_t axis, Operand index, Operand src) {
  const std::source_location where = x.where;
  return located(where, [&] {
    const Var v = as_var(std::move(x)), i = as_index(std::move(index), "scatter_add");
    Var s = as_var(std::move(src));
    if (s.rank() != i.rank())
      fail(ErrorCode::shape, "scatter_add", "src {} and index {} differ in rank", s.spec(),
           i.spec());
    for (int a = 0; a < s.rank(); ++a)
      if (s.shape()[a] > i.shape()[a]) s = slice({s, where}, a, 0, i.shape()[a]);
    return add({v, where}, scatter_sum({s, where}, axis, i, v.shape()));
  });
}

Var take(Operand x, Operand index, std::int64_t axis) {
  const std::source_location where = x.where;
  Var i = as_index(std::move(index), Take::id);
  return emit1(make_ref<Take>(axis), make_vars(as_var(std::move(x)), std::move(i)), where);
}

Var index_select(Operand x, std::int64_t axis, Operand index) {
  const std::source_location where = x.where;
  return located(where, [&] {
    Var i = as_index(std::move(index), "index_select");
    if (i.rank() > 1)
      fail_hint(ErrorCode::shape, "index_select", "take(...) has an index of any rank",
                "the index is {}", i.spec());
    return take(std::move(x), at_least_vector(i, x.where), axis);
  });
}

Var index_add(Operand x, std::int64_t axis, Operand index, Operand src) {
  const std::source_location where = x.where;
  Var v = as_var(std::move(x)), s = as_var(std::move(src));
  Var i = as_index(std::move(index), IndexAdd::id);
  return emit1(make_ref<IndexAdd>(axis), make_vars(std::move(v), std::move(s), std::move(i)),
               where);
}

Var take_along_axis(Operand x, Operand index, std::int64_t axis) {
  return gather(std::move(x), axis, std::move(index));
}

Var embedding(Operand index, Operand weight) {
  const std::source_location where = index.where;
  return located(where, [&] {
    const Var w = as_var(weight);
    if (w.rank() != 2)
      fail(ErrorCode::shape, "embedding", "the weight is {}, not [entries, width]", w.spec());
    return take({w, weight.where}, std::move(index), 0);
  });
}

Var one_hot(Operand index, std::int64_t classes, DType dtype) {
  const std::source_location where = index.where;
  return emit1(make_ref<OneHot>(classes, dtype), make_vars(as_index(std::move(index), OneHot::id)),
               where);
}

}  // namespace sonde
