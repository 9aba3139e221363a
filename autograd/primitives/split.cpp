// Many tensors out of one, and back: split and concat, unstack and stack are each other's
// transpose.
#include "autograd/bases.hpp"
#include "autograd/located.hpp"
#include "autograd/primitives/zeros.hpp"
#include "autograd/promote.hpp"

namespace sonde {
namespace {

constexpr std::int64_t max_parts = 1 << 16;

void check_parts(std::int64_t n, std::string_view op) {
  if (n > max_parts) fail(ErrorCode::value, op, "{} parts, at most {} are made", n, max_parts);
}

// The cotangents given, zeros for the missing ones.
Vars filled(const Vars& cotangents, const Vars& out) {
  Vars parts;
  for (std::size_t i = 0; i < out.size(); ++i)
    parts.push_back(cotangents[i] ? cotangents[i] : zeros_view(out[i].spec()));
  return parts;
}

class Split final : public Named<Split, Linear> {
 public:
  static constexpr std::string_view id = "split";
  Split(std::vector<std::int64_t> sizes, std::int64_t axis)
      : sizes_(std::move(sizes)), axis_(axis) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    const int axis = normal_axis(axis_, in[0].rank(), id);
    std::int64_t total = 0;
    for (std::int64_t n : sizes_) {
      if (n < 0) fail(ErrorCode::value, id, "a part of size {}", n);
      total = checked_add(total, n);
    }
    if (total != in[0].shape()[axis])
      fail(ErrorCode::shape, id, "parts of {} in all do not make up axis {} of {}", total, axis_,
           in[0].spec());
    out.reserve(sizes_.size());
    for (std::int64_t n : sizes_) out.push_back(in[0].spec()), out.back().shape[axis] = n;
  }
  Vars forward(std::span<Tensor> in, const Specs&) const override {
    Vars parts;
    std::int64_t begin = 0;
    for (std::int64_t n : sizes_) {
      parts.push_back(in[0].slice(axis_, begin, begin + n));
      begin += n;
    }
    return parts;
  }
  Vars vjp(const Vars&, const Vars& out, const Vars& ct, Needs) const override {
    return {concat(filled(ct, out), axis_)};
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t) const override {
    const int axis = normal_axis(axis_, in[0].rank() - 1, id) + 1;
    Vars parts = emit(make_ref<Split>(sizes_, axis), make_vars(lanes_first(in[0], axes[0])));
    LaneAxes lanes;
    lanes.resize(parts.size());
    return {std::move(parts), std::move(lanes)};
  }
  std::string attributes() const override {
    return fmt::format("axis={}, parts={}", axis_, sizes_.size());
  }

 private:
  std::vector<std::int64_t> sizes_;
  std::int64_t axis_;
};

class Unstack final : public Named<Unstack, Linear> {
 public:
  static constexpr std::string_view id = "unstack";
  explicit Unstack(std::int64_t axis) : axis_(axis) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    const int axis = normal_axis(axis_, in[0].rank(), id);
    const std::int64_t n = in[0].shape()[axis];
    check_parts(n, id);
    Spec part = in[0].spec();
    part.shape.erase(axis);
    out.reserve(static_cast<std::size_t>(n));
    for (std::int64_t i = 0; i < n; ++i) out.push_back(part);
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Vars parts;
    for (std::size_t i = 0; i < out.size(); ++i)
      parts.push_back(in[0].select(axis_, static_cast<std::int64_t>(i)));
    return parts;
  }
  Vars vjp(const Vars& in, const Vars& out, const Vars& ct, Needs) const override {
    return {stack(filled(ct, out), normal_axis(axis_, in[0].rank(), id))};
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t) const override {
    const int axis = normal_axis(axis_, in[0].rank() - 1, id) + 1;
    Vars parts = emit(make_ref<Unstack>(axis), make_vars(lanes_first(in[0], axes[0])));
    LaneAxes lanes;
    lanes.resize(parts.size());
    return {std::move(parts), std::move(lanes)};
  }
  std::string attributes() const override { return fmt::format("axis={}", axis_); }

 private:
  std::int64_t axis_;
};

class Stack final : public Named<Stack, Linear> {
 public:
  static constexpr std::string_view id = "stack";
  explicit Stack(std::int64_t axis) : axis_(axis) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    if (in.empty()) fail(ErrorCode::value, id, "nothing to join");
    Spec spec = in[0].spec();
    for (const Var& v : in)
      if (!(v.spec() == spec))
        fail(v.dtype() == spec.dtype ? ErrorCode::shape : ErrorCode::dtype, id, "{} and {} differ",
             spec, v.spec());
    spec.shape.insert(normal_axis(axis_, spec.shape.rank() + 1, id),
                      static_cast<std::int64_t>(in.size()));
    numel(spec.shape);
    out.push_back(spec);
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    Tensor whole = Tensor::empty(out[0].shape, out[0].dtype, out[0].device);
    for (std::size_t i = 0; i < in.size(); ++i)
      whole.select(axis_, static_cast<std::int64_t>(i)).copy_from(in[i]);
    return make_vars(Var(whole));
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& ct, Needs needs) const override {
    Vars parts = unstack(ct[0], axis_);
    for (std::size_t i = 0; i < in.size(); ++i)
      if (!needs[i]) parts[i] = Var();
    return parts;
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    Vars parts;
    for (std::size_t i = 0; i < in.size(); ++i) parts.push_back(with_lanes(in[i], axes[i], n));
    return {make_vars(stack(parts, normal_axis(axis_, parts[0].rank(), id) + 1)), {0}};
  }
  std::string attributes() const override { return fmt::format("axis={}", axis_); }

 private:
  std::int64_t axis_;
};

}  // namespace

Vars split(Operand x, const std::vector<std::int64_t>& sizes, std::int64_t axis) {
  const std::source_location where = x.where;
  return emit(make_ref<Split>(sizes, axis), make_vars(as_var(std::move(x))), where);
}

Vars split(Operand x, std::int64_t size, std::int64_t axis) {
  const std::source_location where = x.where;
  return located(where, [&] {
    Var v = as_var(std::move(x));
    if (size <= 0) fail(ErrorCode::value, "split", "parts of size {}", size);
    const std::int64_t n = v.size(axis), whole = n / size;
    check_parts(whole, "split");
    std::vector<std::int64_t> sizes(static_cast<std::size_t>(whole), size);
    if (n % size != 0 || n == 0) sizes.push_back(n % size);
    return split({std::move(v), where}, sizes, axis);
  });
}

Vars chunk(Operand x, std::int64_t chunks, std::int64_t axis) {
  const std::source_location where = x.where;
  return located(where, [&] {
    Var v = as_var(std::move(x));
    if (chunks <= 0) fail(ErrorCode::value, "chunk", "{} chunks", chunks);
    const std::int64_t n = v.size(axis);
    return split({std::move(v), where}, std::max<std::int64_t>(1, n / chunks + (n % chunks != 0)),
                 axis);
  });
}

Vars unstack(Operand x, std::int64_t axis) {
  const std::source_location where = x.where;
  return emit(make_ref<Unstack>(axis), make_vars(as_var(std::move(x))), where);
}

Var stack(const Vars& parts, std::int64_t axis, std::source_location where) {
  return emit1(make_ref<Stack>(axis), parts, where);
}

}  // namespace sonde
