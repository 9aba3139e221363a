// Attention: one fused kernel forward and one backward; for all else it is matmul, softmax, matmul.
#include <cmath>
#include <limits>

#include "autograd/bases.hpp"
#include "autograd/fused.hpp"
#include "autograd/promote.hpp"
#include "tensor/kernels/attention.hpp"
#include "tensor/kernels/reduce.hpp"

namespace sonde {
namespace {

constexpr std::string_view op = "scaled_dot_product_attention";

Dims scores_shape(const Var& q, const Var& k) {
  Dims shape = q.shape();
  shape[shape.rank() - 1] = k.shape()[k.rank() - 2];
  return shape;
}

Dims leading(const Dims& shape) {
  Dims d = shape;
  d.erase(d.rank() - 1);
  d.erase(d.rank() - 1);
  return d;
}

// Sums t over the axes along which `shape` broadcasts to t's.
Tensor sum_to_shape(const Tensor& t, const Dims& shape) {
  Dims axes;
  const int missing = t.rank() - shape.rank();
  for (int i = 0; i < t.rank(); ++i)
    if (i < missing || (shape[i - missing] == 1 && t.shape()[i] != 1)) axes.push_back(i);
  Tensor out = Tensor::empty(shape, t.dtype(), t.device());
  if (axes.empty())
    out.copy_from(t);
  else
    kernels::sum.find(t.device(), t.dtype())(t, axes, out);
  return out;
}

// [T, S]: true where key <= query.
Var causal_mask(std::int64_t queries, std::int64_t keys, Device device) {
  return ge(unsqueeze(arange(queries, device), 1), arange(keys, device));
}

// (q, k, v, mask?) -> o, leading axes of q, k and v alike.
class Attention final : public Named<Attention, Fused> {
 public:
  static constexpr std::string_view id = "attention";
  explicit Attention(const kernels::Attention& a) : a_(a) {}

  void infer(std::span<const Var> in, Specs& out) const override {
    const Var &q = in[0], &k = in[1], &v = in[2];
    for (const Var& x : in.first(3))
      if (x.rank() < 2 || !is_differentiable(x.dtype()) || x.dtype() != q.dtype())
        fail(ErrorCode::dtype, op, "q {}, k {}, v {} are not matrices of one float type", q.spec(),
             k.spec(), v.spec());
    if (!(leading(k.shape()) == leading(q.shape())) ||
        !(leading(v.shape()) == leading(q.shape())) || k.size(-1) != q.size(-1) ||
        k.size(-2) != v.size(-2))
      fail(ErrorCode::shape, op, "q {}, k {}, v {} are not [..., T, d], [..., S, d], [..., S, e]",
           q.spec(), k.spec(), v.spec());
    if (in.size() > 3) {
      const Var& mask = in[3];
      if (mask.dtype() != DType::boolean && mask.dtype() != q.dtype())
        fail(ErrorCode::dtype, op, "the mask {} is neither bool nor of q's type {}", mask.spec(),
             q.dtype());
      const Dims scores = scores_shape(q, k);
      if (mask.rank() > q.rank() || !(broadcast_shapes(mask.shape(), scores, op) == scores))
        fail(ErrorCode::broadcast, op, "the mask {} does not broadcast to the scores {}",
             mask.spec(), scores);
    }
    Dims shape = q.shape();
    shape[shape.rank() - 1] = v.size(-1);
    numel(scores_shape(q, k));
    out.push_back({shape, q.dtype(), q.device()});
  }

  Vars forward(std::span<Tensor> in, const Specs&) const override {
    const auto kernel = kernels::attention.find(in[0].device(), in[0].dtype());
    return make_vars(Var(kernel(in[0], in[1], in[2], mask(in), a_)));
  }

  // q k' and p v.
  std::int64_t flops(std::span<const Tensor> in, const Vars& out) const override {
    return 2 * numel(scores_shape(in[0], in[1])) * (in[0].size(-1) + out[0].size(-1));
  }
  // q k' again, then do v', p' do, ds' q and ds k.
  std::int64_t backward_flops(std::span<const Tensor> in, const Vars& out) const override {
    return 2 * numel(scores_shape(in[0], in[1])) * (3 * in[0].size(-1) + 2 * out[0].size(-1));
  }

  Vars decompose(const Vars& in) const override {
    Specs specs;
    infer(in, specs);
    Var scores = mul(matmul(in[0], in[1], {.b = true}), a_.scale), seen;
    if (in.size() > 3 && in[3].dtype() == DType::boolean) seen = in[3];
    if (in.size() > 3 && !seen) {
      scores = add(scores, in[3]);
      seen = ne(in[3], -std::numeric_limits<double>::infinity());
    }
    if (a_.causal) {
      const Var earlier = causal_mask(in[0].size(-2), in[1].size(-2), in[0].device());
      seen = seen ? logical_and(seen, earlier) : earlier;
    }
    if (!seen) return {matmul(softmax(scores, -1), in[2])};
    // A large finite number hides a key as well as -inf does, and leaves no NaN where all keys are
    // hidden.
    constexpr double hidden = -1e30;
    const Var p = softmax(where(seen, scores, hidden), -1);
    return {matmul(where(seen, p, 0.0), in[2])};
  }

  Vars backward(std::span<const Tensor> in, std::span<const Tensor> out, std::span<const Tensor> ct,
                Needs needs) const override {
    const bool mask_wanted = in.size() > 3 && needs[3];
    const auto kernel = kernels::attention_grad.find(in[0].device(), in[0].dtype());
    const auto grads = kernel({in[0], in[1], in[2], mask(in), out[0]}, ct[0], a_, mask_wanted);
    Vars to;
    for (std::size_t i = 0; i < 3; ++i)
      if (needs[i]) to.push_back(grads[i]);
    if (mask_wanted) to.push_back(sum_to_shape(grads[3], in[3].shape()));
    return to;
  }

  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    return {emit(self(), with_all_lanes(in, in.size(), axes, n)), {0}};
  }
  Batched batch_backward(const Vars& all, std::span<const int> axes, std::int64_t n,
                         Needs needs) const override {
    const std::size_t inputs = all.size() - 2;
    Batched b{emit(make_ref<FusedVjp>(Ref<const Fused>(this), inputs, 1, needs),
                   with_all_lanes(all, inputs, axes, n)),
              {}};
    b.axes.resize(b.out.size());
    if (inputs > 3 && needs[3]) {  // drop the axes that aligned the mask
      Dims shape = all[3].shape();
      if (axes[3] >= 0) shape.erase(axes[3]);
      shape.insert(0, n);
      b.out.back() = reshape(b.out.back(), shape);
    }
    return b;
  }
  std::string attributes() const override {
    return fmt::format("scale={}, causal={}", a_.scale, a_.causal);
  }

 private:
  static Tensor mask(std::span<const Tensor> in) { return in.size() > 3 ? in[3] : Tensor(); }

  // Lanes in front of everything, without copies; those of the mask in front of the axes it
  // broadcasts over.
  static Vars with_all_lanes(const Vars& in, std::size_t inputs, std::span<const int> axes,
                             std::int64_t n) {
    Vars args;
    for (std::size_t i = 0; i < in.size(); ++i) {
      Var v = with_lanes(in[i], axes[i], n);
      if (i == 3 && inputs > 3) {
        Dims shape = v.shape();
        while (shape.rank() < args[0].rank()) shape.insert(1, 1);
        v = reshape(v, shape);
      }
      args.push_back(std::move(v));
    }
    return args;
  }

  kernels::Attention a_;
};

// The leading axes of q, k, v broadcast against each other.
void align(Var& q, Var& k, Var& v) {
  if (q.rank() < 2 || k.rank() < 2 || v.rank() < 2) return;  // infer says what is wrong
  const Dims common = broadcast_shapes(broadcast_shapes(leading(q.shape()), leading(k.shape()), op),
                                       leading(v.shape()), op);
  for (Var* x : {&q, &k, &v}) {
    Dims shape = common;
    for (std::int64_t n : {x->size(-2), x->size(-1)}) shape.push_back(n);
    if (!(x->shape() == shape)) *x = broadcast_to(*x, shape);
  }
}

}  // namespace

Var scaled_dot_product_attention(Operand query, const Var& key, const Var& value,
                                 const Var& attn_mask, bool is_causal,
                                 std::optional<double> scale) {
  const std::source_location where = query.where;
  Var q = as_var(std::move(query)), k = key, v = value;
  align(q, k, v);
  const double d = q.rank() > 0 ? static_cast<double>(std::max<std::int64_t>(1, q.size(-1))) : 1;
  Vars in = make_vars(q, k, v);
  if (attn_mask) in.push_back(attn_mask);
  return emit1(make_ref<Attention>(kernels::Attention{scale.value_or(1 / std::sqrt(d)), is_causal}),
               std::move(in), where);
}

}  // namespace sonde
