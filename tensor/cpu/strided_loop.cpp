#include "tensor/cpu/strided_loop.hpp"

#include <algorithm>
#include <array>

#include "tensor/parallel.hpp"

namespace sonde::cpu {
namespace {

// Sizes and byte strides of all operands, innermost axis first.
struct Plan {
  int rank = 0, operands = 0;
  std::array<std::int64_t, max_rank> size{};
  std::array<std::array<std::int64_t, max_operands>, max_rank> stride{};
  std::array<std::byte*, max_operands> base{};
};

void add_operand(Plan& plan, const Tensor& t, const Dims& shape) {
  const int k = plan.operands++, missing = shape.rank() - t.rank();
  const std::int64_t width = size_of(t.dtype());
  plan.base[static_cast<std::size_t>(k)] = t.bytes();
  for (int i = missing; i < shape.rank(); ++i) {
    const int axis = shape.rank() - 1 - i;  // innermost first
    const bool broadcast = t.shape()[i - missing] == 1;
    plan.stride[axis][k] = broadcast ? 0 : t.strides()[i - missing] * width;
  }
}

// Does axis b lie further out than axis a? Compared operand by operand, the output first.
bool outer(const Plan& plan, int a, int b) {
  for (int k = 0; k < plan.operands; ++k) {
    const std::int64_t x = std::abs(plan.stride[a][k]), y = std::abs(plan.stride[b][k]);
    if (x != y && x != 0 && y != 0) return x < y;
  }
  return true;
}

void order_axes(Plan& plan) {
  for (int i = 1; i < plan.rank; ++i)
    for (int j = i; j > 0 && !outer(plan, j - 1, j); --j) {
      std::swap(plan.size[j], plan.size[j - 1]);
      std::swap(plan.stride[j], plan.stride[j - 1]);
    }
}

// Drops axes of size 1 and merges an axis into the one inside it when every operand walks them as
// one.
void coalesce(Plan& plan) {
  int last = -1;
  for (int i = 0; i < plan.rank; ++i) {
    if (plan.size[i] == 1) continue;
    bool merge = last >= 0;
    for (int k = 0; merge && k < plan.operands; ++k)
      merge = plan.stride[i][k] == plan.stride[last][k] * plan.size[last];
    if (merge) {
      plan.size[last] *= plan.size[i];
    } else {
      ++last;
      plan.size[last] = plan.size[i];
      plan.stride[last] = plan.stride[i];
    }
  }
  plan.rank = last + 1;
}

// Inner axis in one call, the others by an odometer; `begin .. end` counts rows.
void run_rows(const Plan& plan, Loop loop, const double* params, std::int64_t begin,
              std::int64_t end) {
  std::array<std::byte*, max_operands> ptr = plan.base;
  std::array<std::int64_t, max_rank> index{};
  for (std::int64_t rest = begin, i = 1; i < plan.rank; ++i) {
    index[i] = rest % plan.size[i];
    rest /= plan.size[i];
    for (int k = 0; k < plan.operands; ++k) ptr[k] += index[i] * plan.stride[i][k];
  }
  for (std::int64_t row = begin; row < end; ++row) {
    loop(ptr.data(), plan.stride[0].data(), plan.size[0], params);
    for (int i = 1; i < plan.rank; ++i) {
      const bool carry = ++index[i] == plan.size[i];
      const std::int64_t move = carry ? 1 - plan.size[i] : 1;
      for (int k = 0; k < plan.operands; ++k) ptr[k] += move * plan.stride[i][k];
      if (!carry) break;
      index[i] = 0;
    }
  }
}

void run_flat(const Plan& plan, Loop loop, const double* params, std::int64_t begin,
              std::int64_t end) {
  std::array<std::byte*, max_operands> ptr = plan.base;
  for (int k = 0; k < plan.operands; ++k) ptr[k] += begin * plan.stride[0][k];
  loop(ptr.data(), plan.stride[0].data(), end - begin, params);
}

// All operands row-major and of the output's shape: one flat loop, nothing to plan.
bool all_flat(std::span<const Tensor> in, const Tensor& out) {
  if (!out.is_contiguous()) return false;
  for (const Tensor& t : in)
    if (!(t.shape() == out.shape()) || !(t.strides() == out.strides())) return false;
  return true;
}

}  // namespace

void strided_loop(std::span<const Tensor> in, const Tensor& out, Loop loop, const double* params,
                  std::int64_t grain) {
  const std::int64_t n = out.numel();
  if (n == 0) return;
  Plan plan;
  if (all_flat(in, out)) {
    plan.rank = 1;
    plan.size[0] = n;
    plan.operands = static_cast<int>(in.size()) + 1;
    plan.base[0] = out.bytes();
    plan.stride[0][0] = size_of(out.dtype());
    for (std::size_t k = 0; k < in.size(); ++k) {
      plan.base[k + 1] = in[k].bytes();
      plan.stride[0][k + 1] = size_of(in[k].dtype());
    }
  } else {
    plan.rank = out.rank();
    for (int i = 0; i < plan.rank; ++i) plan.size[i] = out.shape()[plan.rank - 1 - i];
    add_operand(plan, out, out.shape());
    for (const Tensor& t : in) add_operand(plan, t, out.shape());
    order_axes(plan);
    coalesce(plan);
  }
  if (plan.rank == 0) return loop(plan.base.data(), plan.stride[0].data(), 1, params);
  const std::int64_t rows = n / plan.size[0];
  if (rows == 1) {
    parallel_for(n, grain,
                 [&](std::int64_t b, std::int64_t e) { run_flat(plan, loop, params, b, e); });
  } else {
    const std::int64_t row_grain = std::max<std::int64_t>(1, grain / plan.size[0]);
    parallel_for(rows, row_grain,
                 [&](std::int64_t b, std::int64_t e) { run_rows(plan, loop, params, b, e); });
  }
}

}  // namespace sonde::cpu
