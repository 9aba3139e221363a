// Cutting out and joining: slice and its transpose, concat.
#include "autograd/bases.hpp"
#include "autograd/located.hpp"
#include "autograd/promote.hpp"

namespace sonde {
namespace {

struct Range {
  std::int64_t axis;
  std::optional<std::int64_t> start, stop;
  std::int64_t step;
};

// The spec of a slice, without touching data.
Spec sliced(const Spec& spec, const Range& r) {
  const Tensor shape_only(make_ref<TensorData>(spec, nullptr, contiguous_strides(spec.shape), 0));
  return shape_only.slice(r.axis, r.start, r.stop, r.step).spec();
}

std::string describe(const Range& r) {
  return fmt::format("axis={}, start={}, stop={}, step={}", r.axis,
                     r.start ? std::to_string(*r.start) : "", r.stop ? std::to_string(*r.stop) : "",
                     r.step);
}

// `r` with the axis counted from the front and moved behind the lanes.
Range behind_lanes(Range r, int rank) {
  r.axis = normal_axis(r.axis, rank, "slice") + 1;
  return r;
}

Var unslice(const Var& x, const Dims& shape, const Range& r);

class Slice final : public Named<Slice, Linear> {
 public:
  static constexpr std::string_view id = "slice";
  explicit Slice(const Range& r) : r_(r) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    out.push_back(sliced(in[0].spec(), r_));
  }
  Vars forward(std::span<Tensor> in, const Specs&) const override {
    return make_vars(Var(in[0].slice(r_.axis, r_.start, r_.stop, r_.step)));
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs) const override {
    return {unslice(ct[0], in[0].shape(), r_)};
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t) const override {
    const Range r = behind_lanes(r_, in[0].rank() - 1);
    return {emit(make_ref<Slice>(r), make_vars(lanes_first(in[0], axes[0]))), {0}};
  }
  std::string attributes() const override { return describe(r_); }

 private:
  Range r_;
};

// The transpose of Slice: zeros of `shape` with the input in the slice's place.
class Unslice final : public Named<Unslice, Linear> {
 public:
  static constexpr std::string_view id = "unslice";
  Unslice(const Dims& shape, const Range& r) : shape_(shape), r_(r) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    const Spec whole{shape_, in[0].dtype(), in[0].device()};
    if (const Spec part = sliced(whole, r_); !(part == in[0].spec()))
      fail(ErrorCode::shape, id, "{} does not fit the slice {} of {}", in[0].spec(), part, whole);
    out.push_back(whole);
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Tensor whole = Tensor::zeros(out[0].shape, out[0].dtype, out[0].device);
    whole.slice(r_.axis, r_.start, r_.stop, r_.step).copy_from(in[0]);
    return make_vars(Var(whole));
  }
  Vars vjp(const Vars&, const Vars&, const Vars& ct, Needs) const override {
    return {emit1(make_ref<Slice>(r_), make_vars(ct[0]))};
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    Dims shape = shape_;
    shape.insert(0, n);
    return {make_vars(unslice(lanes_first(in[0], axes[0]), shape, behind_lanes(r_, shape_.rank()))),
            {0}};
  }
  std::string attributes() const override { return describe(r_); }

 private:
  Dims shape_;
  Range r_;
};

Var unslice(const Var& x, const Dims& shape, const Range& r) {
  return emit1(make_ref<Unslice>(shape, r), make_vars(x));
}

class Concat final : public Named<Concat, Linear> {
 public:
  static constexpr std::string_view id = "concat";
  explicit Concat(std::int64_t axis) : axis_(axis) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    if (in.empty()) fail(ErrorCode::value, id, "nothing to join");
    const int axis = normal_axis(axis_, in[0].rank(), id);
    Spec spec = in[0].spec();
    for (const Var& v : in.subspan(1)) {
      Dims rest = v.shape();
      if (v.rank() == spec.shape.rank()) {
        rest[axis] = in[0].shape()[axis];
        spec.shape[axis] = checked_add(spec.shape[axis], v.shape()[axis]);
      }
      if (!(rest == in[0].shape()) || v.dtype() != spec.dtype)
        fail(ErrorCode::shape, id, "{} and {} do not join along axis {}", in[0].spec(), v.spec(),
             axis_);
    }
    numel(spec.shape);
    out.push_back(spec);
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Tensor whole = Tensor::empty(out[0].shape, out[0].dtype, out[0].device);
    std::int64_t begin = 0;
    for (const Tensor& part : in) {
      const std::int64_t end = begin + part.size(axis_);
      whole.slice(axis_, begin, end).copy_from(part);
      begin = end;
    }
    return make_vars(Var(whole));
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs needs) const override {
    std::vector<std::int64_t> sizes;
    for (const Var& v : in) sizes.push_back(v.size(axis_));
    Vars parts = split(ct[0], sizes, axis_);
    for (std::size_t i = 0; i < in.size(); ++i)
      if (!needs[i]) parts[i] = Var();
    return parts;
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    Vars parts;
    for (std::size_t i = 0; i < in.size(); ++i) parts.push_back(with_lanes(in[i], axes[i], n));
    const int axis = normal_axis(axis_, parts[0].rank() - 1, id) + 1;
    return {emit(make_ref<Concat>(axis), std::move(parts)), {0}};
  }
  std::string attributes() const override { return fmt::format("axis={}", axis_); }

 private:
  std::int64_t axis_;
};

}  // namespace

Var slice(Operand x, std::int64_t axis, std::optional<std::int64_t> start,
          std::optional<std::int64_t> stop, std::int64_t step) {
  const std::source_location where = x.where;
  return emit1(make_ref<Slice>(Range{axis, start, stop, step}), make_vars(as_var(std::move(x))),
               where);
}

Var select(Operand x, std::int64_t axis, std::int64_t index) {
  const std::source_location where = x.where;
  return located(where, [&] {
    Var v = as_var(std::move(x));
    const std::int64_t n = v.size(axis);
    if (index < -n || index >= n)
      fail(ErrorCode::axis, "select", "index {} is out of range for size {} of axis {}", index, n,
           axis);
    const std::int64_t i = index < 0 ? index + n : index;
    return squeeze({slice({std::move(v), where}, axis, i, i + 1), where}, axis);
  });
}

Var concat(const Vars& parts, std::int64_t axis, std::source_location where) {
  return emit1(make_ref<Concat>(axis), parts, where);
}

}  // namespace sonde
