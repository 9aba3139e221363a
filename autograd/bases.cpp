#include "autograd/bases.hpp"

#include <algorithm>

#include "autograd/observe.hpp"
#include "autograd/promote.hpp"

namespace sonde {

Var lanes_first(const Var& v, int axis) {
  if (axis <= 0) return v;
  Dims order{axis};
  for (int i = 0; i < v.rank(); ++i)
    if (i != axis) order.push_back(i);
  return permute(v, order);
}

Var with_lanes(const Var& v, int axis, std::int64_t n) {
  if (axis >= 0) return lanes_first(v, axis);
  Dims shape = v.shape();
  shape.insert(0, n);
  return broadcast_to(v, shape);
}

Batched batch_by_loop(const PrimitivePtr& p, const Vars& in, std::span<const int> axes,
                      std::int64_t n) {
  counters().loop_fallbacks.fetch_add(1, std::memory_order_relaxed);
  std::vector<Vars> outputs;  // by output, then lane
  for (std::int64_t lane = 0; lane < n; ++lane) {
    Vars args;
    for (std::size_t i = 0; i < in.size(); ++i)
      args.push_back(axes[i] < 0 ? in[i] : select(in[i], axes[i], lane));
    Vars out = emit(p, std::move(args));
    outputs.resize(out.size());
    for (std::size_t k = 0; k < out.size(); ++k) outputs[k].push_back(std::move(out[k]));
  }
  if (n == 0) fail(ErrorCode::rule, p->name(), "no batch rule for zero lanes");
  Batched result;
  for (Vars& lanes : outputs) {
    result.out.push_back(stack(lanes, 0));
    result.axes.push_back(0);
  }
  return result;
}

Var zeros_like(const Var& v) {
  return Tensor::zeros(v.shape(), v.dtype(), v.device());
}

Var sum_to(const Var& v, const Dims& shape) {
  if (v.shape() == shape) return v;
  Dims axes;
  const int missing = v.rank() - shape.rank();
  for (int i = 0; i < v.rank(); ++i)
    if (i < missing || (shape[i - missing] == 1 && v.shape()[i] != 1)) axes.push_back(i);
  Var s = axes.empty() ? v : sum(v, axes, true);
  return s.shape() == shape ? s : reshape(s, shape);
}

// --- Elementwise

DType Elementwise::result_type(std::span<const Var> in) const {
  for (const Var& v : in)
    if (v.dtype() != in[0].dtype())
      fail_hint(ErrorCode::dtype, name(), "convert one with to(...)",
                "operands {} and {} differ in type", in[0].spec(), v.spec());
  return in[0].dtype();
}

void Elementwise::infer(std::span<const Var> in, Specs& out) const {
  const DType dtype = result_type(in);
  Dims shape = in[0].shape();
  for (const Var& v : in.subspan(1)) {
    if (!(v.shape() == shape)) shape = broadcast_shapes(shape, v.shape(), name());
  }
  out.emplace_back(Spec{shape, dtype, common_device(in, name())});
}

namespace {

// May `t` be overwritten with the result? Nobody else holds it, and it has the result's shape, type
// and no gaps.
bool donatable(const Tensor& t, const Spec& out) {
  return t.ref()->unique() && t.storage().unique() && t.spec() == out && t.is_dense();
}

// Do two tensors of one shape have their axes in the same order in memory? Broadcast axes fit
// anywhere.
bool same_order(const Tensor& a, const Tensor& b) {
  const auto step = [](const Tensor& t, int i) {
    return t.shape()[i] == 1 ? 0 : std::abs(t.strides()[i]);
  };
  for (int j = 1; j < a.rank(); ++j)
    for (int i = 0; i < j; ++i) {
      if (step(a, i) == 0 || step(a, j) == 0 || step(b, i) == 0 || step(b, j) == 0) continue;
      if ((step(a, i) < step(a, j)) != (step(b, i) < step(b, j))) return false;
    }
  return true;
}

// The operand whose memory order the result takes: the first without gaps that has its shape. None
// if another operand of that shape disagrees: then row-major, lest one transposed operand make all
// that follows walk memory in two orders.
const Tensor* model_of(std::span<const Tensor> in, const Dims& shape) {
  const Tensor* model = nullptr;
  for (const Tensor& t : in)
    if (!model && t.shape() == shape && t.is_dense()) model = &t;
  if (!model || model->is_contiguous()) return nullptr;
  for (const Tensor& t : in)
    if (t.shape() == shape && !same_order(t, *model)) return nullptr;
  return model;
}

// The result's memory: an input that may be overwritten and lies in the right order, or a new
// block.
Tensor result_for(std::span<Tensor> in, const Spec& out) {
  const Tensor* model = model_of(in, out.shape);
  for (Tensor& t : in)
    if (donatable(t, out) && (model ? same_order(t, *model) : t.is_contiguous())) return t;
  if (model) return Tensor::empty_like(*model, out.dtype);
  return Tensor::empty(out.shape, out.dtype, out.device);
}

}  // namespace

Vars Elementwise::forward(std::span<Tensor> in, const Specs& out) const {
  Tensor result = result_for(in, out[0]);
  slot_.find(out[0].device, kernel_type(in))(in, result, params());
  return make_vars(Var(result));
}

Batched Elementwise::batch(const Vars& in, std::span<const int> axes, std::int64_t) const {
  int rank = 0;  // of one lane's result
  for (std::size_t i = 0; i < in.size(); ++i)
    rank = std::max(rank, in[i].rank() - (axes[i] >= 0 ? 1 : 0));
  Vars args;
  for (std::size_t i = 0; i < in.size(); ++i) {
    Var v = lanes_first(in[i], axes[i]);
    if (axes[i] >= 0 && v.rank() < rank + 1) {  // lanes stay in front of the broadcast axes
      Dims shape = v.shape();
      while (shape.rank() < rank + 1) shape.insert(1, 1);
      v = reshape(v, shape);
    }
    args.push_back(std::move(v));
  }
  return {emit(self(), std::move(args)), {0}};
}

// --- Linear, Multilinear

Vars Linear::jvp(const Vars& in, const Vars&, const Vars& tangents) const {
  Vars args;
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (!is_differentiable(in[i].dtype()))
      args.push_back(in[i]);
    else
      args.push_back(tangents[i] ? tangents[i] : zeros_like(in[i]));
  }
  return emit(self(), std::move(args));
}

Vars Multilinear::jvp(const Vars& in, const Vars& out, const Vars& tangents) const {
  Vars sums;
  sums.resize(out.size());
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (!tangents[i]) continue;
    Vars args = in;
    args[i] = tangents[i];
    Vars terms = emit(self(), std::move(args));
    for (std::size_t k = 0; k < out.size(); ++k)
      sums[k] = sums[k] ? add(std::move(sums[k]), std::move(terms[k])) : std::move(terms[k]);
  }
  return sums;
}

}  // namespace sonde
