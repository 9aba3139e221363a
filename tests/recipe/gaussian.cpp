// The recipe "Add an operation" of autograd/README.md, carried out: y = exp(-x^2 / 2), with all its
// derivatives, run through the suite that every operation of the library passes. In the library,
// the parts lie in the files that the recipe names.
#include <cmath>

#include "autograd/bases.hpp"
#include "autograd/promote.hpp"
#include "tensor/cpu/strided_loop.hpp"
#include "tests/paths.hpp"
#include "tests/suite/check.hpp"

// [slot]
namespace sonde::kernels {
inline Kernel<Elementwise> gaussian{"gaussian"};  // exp(-x^2 / 2)
}
// [end]

// [kernel]
namespace sonde::cpu {
template <class T>
void gaussian(std::span<const Tensor> in, Tensor& out, const double* params) {
  const Loop loop = [](std::byte* const* p, const std::int64_t* stride, std::int64_t n,
                       const double*) {
    for (std::int64_t i = 0; i < n; ++i) {
      const T x = *reinterpret_cast<const T*>(p[1] + i * stride[1]);
      *reinterpret_cast<T*>(p[0] + i * stride[0]) = std::exp(-x * x / 2);
    }
  };
  strided_loop(in, out, loop, params, /*grain=*/1 << 14);
}
void register_gaussian() {
  kernels::gaussian.add(DeviceType::cpu, {DType::f32}, &gaussian<float>);
  kernels::gaussian.add(DeviceType::cpu, {DType::f64}, &gaussian<double>);
}
}  // namespace sonde::cpu
// [end]

// [primitive]
namespace sonde {
class Gaussian final : public Unary<Gaussian> {
 public:
  static constexpr std::string_view id = "gaussian";
  static constexpr Saves saved{};  // vjp reads both, x and y
  Gaussian() : Unary(kernels::gaussian) {}
  static Var derivative(const Var& x, const Var& y) { return -(x * y); }
};
}  // namespace sonde
// [end]

// [function]
namespace sonde {
/// exp(-x^2 / 2), element by element; integers as f32.
Var gaussian(Operand x) {
  static const PrimitivePtr p = make_ref<Gaussian>();
  const std::source_location where = x.where;
  return emit1(p, make_vars(as_float(as_var(std::move(x)))), where);
}
}  // namespace sonde
// [end]

// [row]
namespace sonde::testing {
void gaussian_cases(Cases& cases) {
  auto naive = [](const Tensors& in) {
    std::vector<double> y = in[0].to_vector<double>();
    for (double& v : y) v = std::exp(-v * v / 2);
    return Tensor::from<double>(y, in[0].shape());
  };
  cases.push_back({"gaussian", {{{2, 3}}}, unary(gaussian), naive});
}
}  // namespace sonde::testing
// [end]

int main(int argc, char** argv) {
  sonde::cpu::register_gaussian();
  sonde::testing::Cases cases;
  sonde::testing::gaussian_cases(cases);
  return sonde::testing::run_suite(argc, argv, cases,
                                   sonde::testing::source_dir() + "/tests/recipe");
}
