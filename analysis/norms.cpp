#include "analysis/norms.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/lanczos.hpp"
#include "analysis/statistics.hpp"
#include "autograd/ops.hpp"

namespace sonde {
namespace {

// A'A. Costs two products for each of its own.
class Gram final : public LinearMap::Rule {
 public:
  explicit Gram(LinearMap of) : of_(std::move(of)) {}
  const Space& domain() const override { return of_.domain(); }
  const Space& range() const override { return of_.domain(); }
  Tensor apply(const Tensor& v) const override { return of_.transpose_batch(of_.apply_batch(v)); }
  Tensor transpose(const Tensor& u) const override { return apply(u); }
  bool symmetric() const override { return true; }
  Cost cost(std::int64_t n) const override {
    const Cost one = of_.cost(n), other = of_.transposed().cost(n);
    const double between = static_cast<double>(n * of_.range().size()) *
                           static_cast<double>(size_of(of_.range().dtype()));
    return {one.flops + other.flops, std::max(one.bytes, other.bytes) + between};
  }
  std::string name() const override { return "gram of " + of_.name(); }

 private:
  const LinearMap of_;
};

LinearMap with_fewer_columns(const LinearMap& map) {
  return map.range().size() < map.domain().size() ? map.transposed() : map;
}

double tolerance_of(const IterationOptions& o, DType dtype, std::string_view who) {
  if (!(o.tolerance >= 0) || o.max_products < 1)
    fail(ErrorCode::value, who, "tolerance {}, max_products {}", o.tolerance, o.max_products);
  if (o.tolerance > 0) return o.tolerance;
  return dtype == DType::f32 ? 1e-4 : 1e-8;
}

}  // namespace

double exact_squared_frobenius_norm(const LinearMap& map, std::int64_t batch) {
  double total = 0;
  for_unit_vectors(with_fewer_columns(map), batch,
                   [&](std::int64_t, const Tensor&, const Tensor& products) {
                     for (const double v : row_dots(products, products)) total += v;
                   });
  return total;
}

Estimate squared_frobenius_norm(const LinearMap& map, const Sampling& o, Probe probe) {
  check_sampling(o, 2, "squared_frobenius_norm");
  Samples samples;
  const auto draw = [&](std::int64_t budget) {
    for (auto done = static_cast<std::int64_t>(samples.values.size()); done < budget;) {
      const std::int64_t end = std::min(done + o.batch, budget);
      const Tensor az = map.apply_batch(random_rows(o.key, done, end, map.domain(), probe));
      std::ranges::copy(row_dots(az, az), std::back_inserter(samples.values));
      done = end;
    }
    samples.rounding = epsilon_of(map.range().dtype()) * mean(samples.values);
    return samples;
  };
  return sampled(o, std::min(map.domain().size(), map.range().size()), draw,
                 [&] { return exact_squared_frobenius_norm(map, o.batch); });
}

LinearMap gram_map(const LinearMap& map) {
  return LinearMap(std::make_shared<Gram>(map));
}

SingularValue spectral_norm(const LinearMap& map, const IterationOptions& o) {
  const double tolerance = tolerance_of(o, map.domain().dtype(), "spectral_norm");
  const bool flipped = map.range().size() < map.domain().size();
  const LinearMap a = flipped ? map.transposed() : map;
  const Spectrum found = lanczos(gram_map(a), {.largest = 1,
                                               .tolerance = tolerance,
                                               .confirm = false,
                                               .max_products = o.max_products,
                                               .key = o.key});
  SingularValue out{.value = std::sqrt(std::max(found.largest.values[0], 0.0)),
                    .residual = 0,
                    .products = found.products,
                    .left = {},
                    .right = {}};
  if (out.value == 0) return out;
  // With u = A v / value, A v - value u is 0 and A'u - value v is (A'A v - value^2 v) / value.
  out.residual = found.largest.residuals[0] / out.value;
  out.right = found.largest.vectors.select(0, 0);
  out.left = (Var(a.apply(out.right)) / out.value).tensor();
  if (flipped) std::swap(out.left, out.right);
  return out;
}

DominantPair power_iteration(const LinearMap& map, const IterationOptions& o) {
  check_square(map, "power_iteration");
  const double tolerance = tolerance_of(o, map.domain().dtype(), "power_iteration");
  Tensor v = random_rows(o.key, 0, 1, map.domain());
  v = scaled_rows(v, {1 / row_norms(v)[0]});
  double residual = 0;
  for (std::int64_t products = 1; products <= o.max_products; ++products) {
    const Tensor av = map.apply_batch(v);
    const double value = row_dots(v, av)[0], length = row_norms(av)[0];
    residual = row_norms((Var(av) - Var(scaled_rows(v, {value}))).tensor())[0];
    if (residual <= tolerance * std::abs(value)) return {value, residual, v.select(0, 0), products};
    v = scaled_rows(av, {1 / length});
  }
  fail_hint(ErrorCode::numeric, "power_iteration",
            "use lanczos for a symmetric map, spectral_norm for any",
            "after {} products with {} the residual is {:.1e}; are two eigenvalues of nearly equal "
            "size?",
            o.max_products, map.name(), residual);
}

}  // namespace sonde
