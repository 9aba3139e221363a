#include "analysis/use_forms.hpp"

#include "autograd/ops.hpp"

namespace sonde {
namespace {

// [groups, n, positions, in]
Tensor input_of(const Use& use, const Factors& f) {
  return use.lookup ? one_hot(f.input, use.in, f.cotangent.dtype()).tensor() : f.input;
}

// Inner products of inputs: [groups, n, positions, m, positions].
Var similarity(const Use& use, const Factors& f1, const Factors& f2) {
  const std::int64_t n = f1.input.size(1), m = f2.input.size(1), t = use.positions;
  const Dims shape{use.groups, n, t, m, t};
  if (use.lookup)
    return to(eq(f1.input.reshape({1, n, t, 1, 1}), f2.input.reshape({1, 1, 1, m, t})),
              f1.cotangent.dtype());
  return reshape(matmul(f1.input.reshape({use.groups, n * t, use.in}),
                        f2.input.reshape({use.groups, m * t, use.in}), {.b = true}),
                 shape);
}

// Sums over outputs are sums over longer rows: [groups, n positions, outputs out].
Tensor rows_by_position(const Use& use, const Tensor& cotangent) {
  const std::int64_t n = cotangent.size(1), outputs = cotangent.size(2);
  return cotangent.permute({0, 1, 3, 2, 4})
      .reshape({use.groups, n * use.positions, outputs * use.out});
}

Tensor traced_kernel(const Use& use, const Factors& f1, const Factors& f2) {
  const std::int64_t n = f1.input.size(1), m = f2.input.size(1), t = use.positions;
  const Var g =
      matmul(rows_by_position(use, f1.cotangent), rows_by_position(use, f2.cotangent), {.b = true});
  const Var product = mul(reshape(g, {use.groups, n, t, m, t}), similarity(use, f1, f2));
  return sum(product, {0, 2, 4}).tensor();
}

// One position: an outer product of two kernels, one of the inputs, one of the outputs.
Tensor kernel_of_one_position(const Use& use, const Factors& f1, const Factors& f2) {
  const std::int64_t n = f1.input.size(1), m = f2.input.size(1), o = f1.cotangent.size(2);
  const Var g = matmul(f1.cotangent.reshape({use.groups, n * o, use.out}),
                       f2.cotangent.reshape({use.groups, m * o, use.out}), {.b = true});
  const Var product = mul(reshape(g, {use.groups, n, o, m, o}),
                          reshape(similarity(use, f1, f2), {use.groups, n, 1, m, 1}));
  return (use.groups == 1 ? product : sum(product, {0})).tensor().reshape({n * o, m * o});
}

// Many positions: the inputs' products weigh the cotangents of one side first, item by item.
Tensor kernel_of_positions(const Use& use, const Factors& f1, const Factors& f2) {
  const std::int64_t n = f1.input.size(1), m = f2.input.size(1), o = f1.cotangent.size(2),
                     t = use.positions;
  const Tensor a = similarity(use, f1, f2).tensor();
  Tensor out = Tensor::empty({n * o, m * o}, f1.cotangent.dtype(), a.device());
  for (std::int64_t i = 0; i < n; ++i) {
    Var total;
    for (std::int64_t g = 0; g < use.groups; ++g) {
      const Tensor weights = a.select(0, g).select(0, i).reshape({t, m * t});
      const Var weighted = matmul(weights, f1.cotangent.select(0, g).select(0, i), {.a = true});
      const Tensor rows = weighted.tensor().reshape({o, m, t * use.out}).permute({1, 0, 2});
      const Var block = matmul(rows, f2.cotangent.select(0, g).reshape({m, o, t * use.out}),
                               {.b = true});  // [m, o, o]
      total = total ? add(total, block) : block;
    }
    out.slice(0, i * o, (i + 1) * o)
        .reshape({o, m, o})
        .copy_from(total.tensor().permute({1, 0, 2}));
  }
  return out;
}

Var squares(const Var& v, const Dims& axes) {
  return sum(mul(v, v), axes);
}

}  // namespace

double gram_flops(const Use& use, const KernelSize& s) {
  const auto t = static_cast<double>(use.positions),
             in = use.lookup ? memory_pass : static_cast<double>(use.in),
             out = static_cast<double>(use.out);
  const double pairs = s.n * s.m * static_cast<double>(use.groups), o = s.outputs;
  if (s.trace) return pairs * t * t * (2 * in + 2 * o * out + 3 * memory_pass);
  if (use.positions == 1) return pairs * (2 * in + o * o * (2 * out + 2 * memory_pass));
  return pairs * t * (t * (2 * in + memory_pass + 2 * o * out) + o * out * (memory_pass + 2 * o));
}

double gradient_flops(const Use& use, const KernelSize& s) {
  const double elements = static_cast<double>(use.groups * use.in * use.out),
               t = static_cast<double>(use.positions);
  return (s.n + s.m) * s.outputs * elements * (2 * t + memory_pass) +
         2 * s.n * s.m * s.outputs * (s.trace ? 1 : s.outputs) * elements;
}

// All outputs side by side, so that one product serves them: [outputs out, positions] times
// [positions, in] for each item.
Tensor gradients(const Use& use, const Factors& f) {
  const std::int64_t n = f.cotangent.size(1), o = f.cotangent.size(2), t = use.positions;
  const Tensor rows = rows_by_position(use, f.cotangent).reshape({use.groups, n, t, o * use.out});
  const Tensor g = matmul(rows, input_of(use, f), {.a = true}).tensor();
  return g.reshape({use.groups, n, o, use.out * use.in})
      .permute({1, 2, 0, 3})
      .reshape({n, o, use.groups * use.out * use.in});
}

Tensor gram_kernel(const Use& use, const Factors& f1, const Factors& f2, bool trace) {
  if (trace) return traced_kernel(use, f1, f2);
  return use.positions == 1 ? kernel_of_one_position(use, f1, f2)
                            : kernel_of_positions(use, f1, f2);
}

Tensor squared_norms(const Use& use, const Factors& f) {
  const std::int64_t n = f.input.size(1), t = use.positions;
  const Var d = f.cotangent.select(2, 0);  // [groups, n, positions, out]
  const bool gram = use.lookup ? t < use.in : t * (use.in + use.out) < use.in * use.out;
  if (!gram) return squares(matmul(d, input_of(use, f), {.a = true}), {0, 2, 3}).tensor();
  const Var a =
      use.lookup ? to(eq(f.input.reshape({1, n, t, 1}), f.input.reshape({1, n, 1, t})), d.dtype())
                 : matmul(f.input, f.input, {.b = true});
  return sum(mul(a, matmul(d, d, {.b = true})), {0, 2, 3}).tensor();
}

}  // namespace sonde
