#include "tests/cuda/both.hpp"

#include <cmath>
#include <cstring>
#include <random>

namespace sonde::testing {
namespace {

// The whole storage as one row.
Tensor flat(const Tensor& t) {
  return t.as_strided({t.storage().bytes() / size_of(t.dtype())}, {1}, 0);
}

bool same_spec(const Tensor& on_cpu, const Tensor& on_gpu) {
  const Spec here{on_gpu.shape(), on_gpu.dtype(), Device{}};
  EXPECT_EQ(to_string(on_cpu.spec()), to_string(here));
  EXPECT_EQ(to_string(on_gpu.device()), to_string(gpu));
  return on_cpu.spec() == here && on_gpu.device() == gpu;
}

}  // namespace

Tensor there(const Tensor& t) {
  if (!t) return t;
  return flat(t).to(gpu).as_strided(t.shape(), t.strides(), t.offset());
}

Tensors there(std::span<const Tensor> ts) {
  Tensors out;
  for (const Tensor& t : ts) out.push_back(there(t));
  return out;
}

Tensor drawn(const Dims& shape, DType dtype, std::uint64_t seed) {
  std::mt19937_64 random(seed * 1000 + static_cast<std::uint64_t>(numel(shape)));
  std::normal_distribution<double> normal;
  std::uniform_int_distribution<int> small(-9, 9);
  std::vector<double> values(static_cast<std::size_t>(numel(shape)));
  for (double& v : values)
    v = is_float(dtype)      ? normal(random)
        : dtype == DType::u8 ? std::abs(small(random))
                             : small(random);
  if (dtype == DType::boolean)
    for (double& v : values) v = v > 0;
  return Tensor::from(std::span<const double>(values), shape).to(dtype);
}

double largest(const Tensor& on_cpu) {
  double top = 1e-30;
  for (double v : on_cpu.to_vector<double>())
    if (std::isfinite(v)) top = std::max(top, std::abs(v));
  return top;
}

void expect_equal(const Tensor& on_cpu, const Tensor& on_gpu) {
  if (!same_spec(on_cpu, on_gpu)) return;
  const Tensor a = on_cpu.contiguous(), b = on_gpu.to(Device{}).contiguous();
  const std::size_t width = static_cast<std::size_t>(size_of(a.dtype()));
  const auto x = is_float(a.dtype()) ? a.to_vector<double>() : std::vector<double>();
  const auto y = is_float(a.dtype()) ? b.to_vector<double>() : std::vector<double>();
  for (std::size_t i = 0; i < static_cast<std::size_t>(a.numel()); ++i) {
    if (std::memcmp(a.bytes() + i * width, b.bytes() + i * width, width) == 0) continue;
    if (is_float(a.dtype()) && std::isnan(x[i]) && std::isnan(y[i])) continue;
    ADD_FAILURE() << "element " << i << " of " << to_string(a.spec()) << " differs: "
                  << (is_float(a.dtype()) ? x[i]
                                          : a.reshape({-1}).at({static_cast<std::int64_t>(i)}))
                  << " on the CPU, "
                  << (is_float(a.dtype()) ? y[i]
                                          : b.reshape({-1}).at({static_cast<std::int64_t>(i)}));
    return;
  }
}

void expect_close(const Tensor& on_cpu, const Tensor& on_gpu, double tolerance) {
  if (!same_spec(on_cpu, on_gpu)) return;
  const auto a = on_cpu.to_vector<double>(), b = on_gpu.to_vector<double>();
  const double scale = largest(on_cpu);
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    if (std::abs(a[i] - b[i]) <= tolerance * scale) continue;
    ADD_FAILURE() << "element " << i << " of " << to_string(on_cpu.spec()) << ": " << a[i]
                  << " on the CPU, " << b[i] << "; largest " << scale << ", tolerance "
                  << tolerance;
    return;
  }
}

Error thrown_by(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e;
  }
  ADD_FAILURE() << "no error";
  return {ErrorCode{}, "", ""};
}

}  // namespace sonde::testing
