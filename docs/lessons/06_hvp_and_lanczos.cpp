// Lesson 6: Hessian-vector products, and eigenvalues from nothing else.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "analysis/function_maps.hpp"
#include "analysis/lanczos.hpp"
#include "analysis/slq.hpp"
#include "autograd/ops.hpp"
#include "nn/mlp.hpp"

using namespace sonde;

namespace {

// --- a product by hand

// A number and its derivative along a direction.
struct Dual {
  double value, along;
};
Dual operator*(Dual a, Dual b) {
  return {a.value * b.value, a.along * b.value + a.value * b.along};
}
Dual operator*(double c, Dual a) {
  return {c * a.value, c * a.along};
}
Dual sin(Dual a) {
  return {std::sin(a.value), std::cos(a.value) * a.along};
}
Dual cos(Dual a) {
  return {std::cos(a.value), -std::sin(a.value) * a.along};
}

// The gradient of f(x, y) = sin(x) y^2 as reverse mode computes it: forward, then back.
template <class T>
std::array<T, 2> gradient(T x, T y) {
  using std::sin, std::cos;
  const T s = sin(x), q = y * y;             // f = s q
  const T of_s = q, of_q = s;                // df/ds, df/dq
  return {of_s * cos(x), of_q * (2.0 * y)};  // df/dx, df/dy
}

Var f(const Vars& in) {
  return sin(in[0]) * in[1] * in[1];
}

void by_hand() {
  const double x = 0.7, y = 1.3, vx = 0.6, vy = -0.8;
  // Forward over reverse: the same lines, on numbers that carry a derivative.
  const auto [gx, gy] = gradient(Dual{x, vx}, Dual{y, vy});
  const Vars at{Tensor::scalar(x, DType::f64), Tensor::scalar(y, DType::f64)},
      v{Tensor::scalar(vx, DType::f64), Tensor::scalar(vy, DType::f64)};
  const Vars machine = hvp([](const Vars& in) { return make_vars(f(in)); }, at, v);
  fmt::print("by hand     {:.12f} {:.12f}\n", gx.along, gy.along);
  fmt::print("the machine {:.12f} {:.12f}\n", machine[0].item(), machine[1].item());
  for (const double h : {1e-1, 1e-2, 1e-3, 1e-11}) {
    const double up = gradient(x + h * vx, y + h * vy)[0],
                 down = gradient(x - h * vx, y - h * vy)[0],
                 error = std::abs((up - down) / (2 * h) - gx.along);
    if (h > 1e-6)
      fmt::print("differences, step {:5.0e}: off by {:.0e}\n", h, error);
    else
      fmt::print("differences, step {:5.0e}: off by more than 1e-8: {}\n", h, error > 1e-8);
  }
}

// --- a Hessian to look at: of a small network that shall be a sine wave

Function sine_loss(const nn::Mlp& mlp) {
  const Var x = reshape(Tensor::arange(64, DType::f64, -3.14, 0.1), {64, 1});
  return [&mlp, x](const Vars& p) { return mean(square(nn::functional_call(mlp, p, x) - sin(x))); };
}

// Along one direction again and again: the greatest eigenvalue in absolute value wins.
void power_iteration(const LinearMap& h, double greatest) {
  Var v = random_rows({1, 2}, 0, 1, h.domain()).select(0, 0);
  for (int product = 1; product <= 40; ++product) {
    v = v / norm(v);
    const Var hv = h.apply(v.tensor());
    const double rayleigh = dot(v, hv).item();
    if (product == 5 || product == 10 || product == 20 || product == 40)
      fmt::print("power iteration, {:2} products: off by {:.0e}\n", product,
                 std::abs(rayleigh - greatest));
    v = hv;
  }
}

// --- Lanczos' method

struct Lanczos {
  Tensor basis;                         // [m, n]: q_1, q_2, ... as rows
  std::vector<double> values, weights;  // of the tridiagonal matrix; first elements squared
};

// q_1 = z, and every next one is A q less its parts along the last two. What is left out by
// rounding comes back, unless each q is freed of all the others again.
Lanczos lanczos_steps(const LinearMap& a, const Tensor& z, std::int64_t m, bool clean_up) {
  const std::int64_t n = a.domain().size();
  Tensor basis = Tensor::zeros({m, n}, DType::f64), t = Tensor::zeros({m, m}, DType::f64);
  double* tridiagonal = t.mutable_data<double>();
  Var q = Var(z) / norm(z), before = Tensor::zeros({n}, DType::f64);
  double beta = 0;
  for (std::int64_t j = 0; j < m; ++j) {
    basis.select(0, j).copy_from(q.tensor());
    Var next = Var(a.apply(q.tensor())) - beta * before;
    const double alpha = dot(q, next).item();
    next = next - alpha * q;
    const Var all = basis.slice(0, 0, j + 1);
    for (int twice = 0; clean_up && twice < 2; ++twice)
      next = next - matmul(matmul(all, next), all);
    tridiagonal[j * m + j] = alpha;
    beta = norm(next).item();
    if (j + 1 < m) tridiagonal[j * m + j + 1] = tridiagonal[(j + 1) * m + j] = beta;
    before = q;
    q = next / beta;
  }
  const Eigh e = eigh(t);
  return {basis, e.values.tensor().to_vector<double>(),
          square(select(e.vectors, 0, 0)).tensor().to_vector<double>()};
}

double overlap(const Tensor& basis) {
  const Var gram = matmul(basis, basis, {.b = true});
  return amax(abs(gram - Var(Tensor::eye(basis.size(0), DType::f64)))).item();
}

std::int64_t copies(const std::vector<double>& values, double of) {
  return std::ranges::count_if(values, [of](double v) { return std::abs(v - of) < 1e-6; });
}

// Eigenvalues 0.00, 0.01, ... 1.99 and a single one at 10.
LinearMap with_an_outlier() {
  Tensor d = (Var(Tensor::arange(201, DType::f64)) * 0.01).tensor();
  d.mutable_data<double>()[200] = 10;
  return matrix_map(diag_embed(Var(d)).tensor());
}

void orthogonality() {
  const LinearMap a = with_an_outlier();
  const Tensor z = random_rows({3, 4}, 0, 1, a.domain()).select(0, 0);
  for (const bool clean_up : {false, true})
    for (const std::int64_t m : {5, 40}) {
      const Lanczos l = lanczos_steps(a, z, m, clean_up);
      fmt::print("{:13} {:2} steps: overlap below 1e-10: {:5}, copies of 10: {}\n",
                 clean_up ? "cleaned up," : "as it is,", m, overlap(l.basis) < 1e-10,
                 copies(l.values, 10) > 1 ? "several" : "one");
      double weight = 0;
      for (std::size_t i = 0; i < l.values.size(); ++i)
        if (std::abs(l.values[i] - 10) < 1e-6) weight += l.weights[i];
      const double exact = std::pow(z.at({200}), 2) / dot(z, z).item();
      if (m == 40) fmt::print("  their weight {:.6f}, to be {:.6f}\n", weight, exact);
    }
}

// --- quadrature

// z' A^k z by products, for z of norm 1.
double moment(const LinearMap& a, const Tensor& z, int k) {
  Tensor v = z;
  for (int i = 0; i < k; ++i) v = a.apply(v);
  return dot(z, v).item() / dot(z, z).item();
}

void quadrature(const LinearMap& h) {
  constexpr std::int64_t m = 6;
  const Tensor z = random_rows({5, 6}, 0, 1, h.domain()).select(0, 0);
  const Lanczos l = lanczos_steps(h, z, m, true);
  double total = 0;
  for (const double w : l.weights) total += w;
  fmt::print("{} weights sum to {:.12f}\n", m, total);
  for (const int k : {1, 2, 11, 12}) {
    double sum = 0;
    for (std::size_t i = 0; i < l.values.size(); ++i)
      sum += l.weights[i] * std::pow(l.values[i], k);
    const double exact = moment(h, z, k);
    fmt::print("moment {:2}: exact {}\n", k, std::abs(sum - exact) <= 1e-9 * std::abs(exact));
  }
}

// How dense the eigenvalues are at 0, each as a Gaussian of this width: all of them, and as ten
// probes of the matrix see them.
void density(const LinearMap& h, const std::vector<double>& eigenvalues) {
  const Slq slq(h, {.probes = 10, .steps = 30, .key = {7, 8}});
  const auto size = static_cast<double>(eigenvalues.size());
  for (const double width : {0.3, 0.003}) {
    const auto gaussian = [width](double t) {
      return std::exp(-t * t / (2 * width * width)) / (width * std::sqrt(2 * std::numbers::pi));
    };
    double exact = 0;
    for (const double v : eigenvalues) exact += gaussian(v) / size;
    const Estimate found = slq.trace(gaussian);
    fmt::print(
        "density at 0, width {:5}: {:6.2f}; ten probes: {:6.2f}, 95 % from {:.2f} to {:.2f}\n",
        width, exact, found.value / size, found.ci95->low / size, found.ci95->high / size);
  }
}

// The weight of a node is the square of its eigenvector's FIRST element, and of no other.
void mistake(const LinearMap& h) {
  const Tensor z = random_rows({5, 6}, 0, 1, h.domain()).select(0, 0);
  const Lanczos l = lanczos_steps(h, z, 6, true);
  double first = 0, all = 0;
  for (std::size_t i = 0; i < l.values.size(); ++i) {
    first += l.weights[i] * l.values[i];
    all += l.values[i] / 6;  // the squares of a whole eigenvector sum to 1
  }
  fmt::print("z'Az = {:.3f}; by first elements {:.3f}, by all of them {:.3f}\n", moment(h, z, 1),
             first, all);
}

}  // namespace

int main() {
  fmt::print("-- a product, by hand, by the machine, by differences\n");
  by_hand();

  nn::Mlp mlp({1, 16, 8, 1}, {.k0 = 1}, {.activation = [](const Var& x) { return tanh(x); }});
  mlp.convert(DType::f64);
  const ParameterPoint at(mlp);
  const LinearMap h = hessian_map(sine_loss(mlp), at);
  const std::vector<double> eigenvalues = eigh(dense(h)).values.tensor().to_vector<double>();
  fmt::print("\n-- the Hessian of {} parameters\n", h.domain().size());
  power_iteration(h, eigenvalues.back());
  const Spectrum s = lanczos(h, {.largest = 1, .tolerance = 1e-6, .confirm = false});
  fmt::print("Lanczos,         {:2} products: off by less than 1e-8: {}\n", s.products,
             std::abs(s.largest.values[0] - eigenvalues.back()) < 1e-8);

  fmt::print("\n-- what rounding does to a basis\n");
  orthogonality();
  fmt::print("\n-- a density\n");
  quadrature(h);
  density(h, eigenvalues);
  fmt::print("\n-- a mistake: weights from the whole eigenvectors\n");
  mistake(h);
}
