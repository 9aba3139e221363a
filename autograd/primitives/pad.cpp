// Padding, diagonals, and what slices and joins make: flip, roll, flatten, movedim.
#include "autograd/bases.hpp"
#include "autograd/located.hpp"
#include "autograd/promote.hpp"

namespace sonde {
namespace {

// Elements of one value around the input: affine, linear where the value is 0.
class Pad final : public Named<Pad> {
 public:
  static constexpr std::string_view id = "pad";
  Pad(const Dims& before, const Dims& after, double value)
      : before_(before), after_(after), value_(value) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    Spec spec = in[0].spec();
    if (before_.rank() != spec.shape.rank() || after_.rank() != spec.shape.rank())
      fail(ErrorCode::shape, id, "widths {} and {} for {}", before_, after_, spec);
    for (int i = 0; i < spec.shape.rank(); ++i) {
      if (before_[i] < 0 || after_[i] < 0)
        fail_hint(ErrorCode::value, id, "crop with slice(...)", "negative width in {} or {}",
                  before_, after_);
      spec.shape[i] = checked_add(spec.shape[i], checked_add(before_[i], after_[i]));
    }
    numel(spec.shape);
    out.push_back(spec);
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    const Tensor whole = Tensor::full(out[0].shape, value_, out[0].dtype, out[0].device);
    Tensor middle = whole;
    for (int i = 0; i < in[0].rank(); ++i)
      middle = middle.slice(i, before_[i], before_[i] + in[0].shape()[i]);
    middle.copy_from(in[0]);
    return make_vars(Var(whole));
  }
  Vars jvp(const Vars&, const Vars&, const Vars& t) const override {
    return {pad(t[0], before_, after_, 0)};
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs) const override {
    Var middle = ct[0];
    for (int i = 0; i < in[0].rank(); ++i)
      if (before_[i] + after_[i] > 0)
        middle = slice(middle, i, before_[i], before_[i] + in[0].shape()[i]);
    return {middle};
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t) const override {
    Dims before = before_, after = after_;
    before.insert(0, 0);
    after.insert(0, 0);
    return {make_vars(pad(lanes_first(in[0], axes[0]), before, after, value_)), {0}};
  }
  Saves saves() const override { return Saves::nothing(); }
  std::string attributes() const override {
    return fmt::format("before={}, after={}, value={}", before_, after_, value_);
  }

 private:
  Dims before_, after_;
  double value_;
};

struct Line {
  std::int64_t offset, a, b;
  // The same axes, counted from the front and moved behind the lanes.
  Line behind_lanes(int rank) const {
    return {offset, normal_axis(a, rank, "diagonal") + 1, normal_axis(b, rank, "diagonal") + 1};
  }
};

Spec diagonal_spec(const Spec& spec, const Line& l) {
  const Tensor shape_only(make_ref<TensorData>(spec, nullptr, contiguous_strides(spec.shape), 0));
  return shape_only.diagonal(l.offset, l.a, l.b).spec();
}

Var undiagonal(const Var& x, const Dims& shape, const Line& l);

class Diagonal final : public Named<Diagonal, Linear> {
 public:
  static constexpr std::string_view id = "diagonal";
  explicit Diagonal(const Line& l) : l_(l) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    out.push_back(diagonal_spec(in[0].spec(), l_));
  }
  Vars forward(std::span<Tensor> in, const Specs&) const override {
    return make_vars(Var(in[0].diagonal(l_.offset, l_.a, l_.b)));
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs) const override {
    return {undiagonal(ct[0], in[0].shape(), l_)};
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t) const override {
    return {emit(make_ref<Diagonal>(l_.behind_lanes(in[0].rank() - 1)),
                 make_vars(lanes_first(in[0], axes[0]))),
            {0}};
  }
  std::string attributes() const override {
    return fmt::format("offset={}, a={}, b={}", l_.offset, l_.a, l_.b);
  }

 private:
  Line l_;
};

// The transpose of Diagonal: zeros of `shape` with the input on the diagonal.
class Undiagonal final : public Named<Undiagonal, Linear> {
 public:
  static constexpr std::string_view id = "undiagonal";
  Undiagonal(const Dims& shape, const Line& l) : shape_(shape), l_(l) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    const Spec whole{shape_, in[0].dtype(), in[0].device()};
    numel(shape_);
    if (const Spec line = diagonal_spec(whole, l_); !(line == in[0].spec()))
      fail(ErrorCode::shape, id, "{} does not fit the diagonal {} of {}", in[0].spec(), line,
           whole);
    out.push_back(whole);
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    const Tensor whole = Tensor::zeros(out[0].shape, out[0].dtype, out[0].device);
    whole.diagonal(l_.offset, l_.a, l_.b).copy_from(in[0]);
    return make_vars(Var(whole));
  }
  Vars vjp(const Vars&, const Vars&, const Vars& ct, Needs) const override {
    return {emit1(make_ref<Diagonal>(l_), make_vars(ct[0]))};
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    Dims shape = shape_;
    shape.insert(0, n);
    return {
        make_vars(undiagonal(lanes_first(in[0], axes[0]), shape, l_.behind_lanes(shape_.rank()))),
        {0}};
  }
  std::string attributes() const override {
    return fmt::format("offset={}, a={}, b={}", l_.offset, l_.a, l_.b);
  }

 private:
  Dims shape_;
  Line l_;
};

Var undiagonal(const Var& x, const Dims& shape, const Line& l) {
  return emit1(make_ref<Undiagonal>(shape, l), make_vars(x));
}

}  // namespace

Var pad(Operand x, const Dims& before, const Dims& after, double value) {
  const std::source_location where = x.where;
  return emit1(make_ref<Pad>(before, after, value), make_vars(as_var(std::move(x))), where);
}

Var diagonal(Operand x, std::int64_t offset, std::int64_t a, std::int64_t b) {
  const std::source_location where = x.where;
  return emit1(make_ref<Diagonal>(Line{offset, a, b}), make_vars(as_var(std::move(x))), where);
}

Var diag_embed(Operand x) {
  const std::source_location where = x.where;
  return located(where, [&] {
    Var v = as_var(std::move(x));
    Dims shape = v.shape();
    if (shape.empty()) fail(ErrorCode::shape, "diag_embed", "{} has no axis", v.spec());
    shape.push_back(shape.back());
    return emit1(make_ref<Undiagonal>(shape, Line{0, -2, -1}), make_vars(std::move(v)), where);
  });
}

Var flip(Operand x, const Dims& axes) {
  const std::source_location where = x.where;
  return located(where, [&] {
    Var v = as_var(std::move(x));
    for (std::int64_t a : normal_axes(axes, v.rank(), "flip", false))
      v = slice({v, where}, a, {}, {}, -1);
    return v;
  });
}

Var roll(Operand x, std::int64_t shift, std::int64_t axis) {
  const std::source_location where = x.where;
  return located(where, [&] {
    Var v = as_var(std::move(x));
    const int a = normal_axis(axis, v.rank(), "roll");
    const std::int64_t n = v.shape()[a];
    const std::int64_t first =
        n == 0 ? 0 : (n - shift % n) % n;  // the element that comes to the front
    if (first == 0) return v;
    return concat({slice({v, where}, a, first, {}), slice({v, where}, a, 0, first)}, a, where);
  });
}

Var flatten(Operand x, std::int64_t start, std::int64_t end) {
  const std::source_location where = x.where;
  return located(where, [&] {
    Var v = as_var(std::move(x));
    if (v.rank() == 0) return reshape({std::move(v), where}, {1});
    const int a = normal_axis(start, v.rank(), "flatten"),
              b = normal_axis(end, v.rank(), "flatten");
    if (a > b)
      fail(ErrorCode::axis, "flatten", "axis {} lies behind axis {} in {}", start, end, v.spec());
    Dims shape;
    for (int i = 0; i < v.rank(); ++i) {
      if (i > a && i <= b)
        shape[a] = checked_mul(shape[a], v.shape()[i]);
      else
        shape.push_back(v.shape()[i]);
    }
    return reshape({std::move(v), where}, shape);
  });
}

Var movedim(Operand x, std::int64_t from, std::int64_t to) {
  const std::source_location where = x.where;
  return located(where, [&] {
    Var v = as_var(std::move(x));
    const int a = normal_axis(from, v.rank(), "movedim"), b = normal_axis(to, v.rank(), "movedim");
    Dims order;
    for (int i = 0; i < v.rank(); ++i) order.push_back(i);
    order.erase(a);
    order.insert(b, a);
    return permute({std::move(v), where}, order);
  });
}

}  // namespace sonde
