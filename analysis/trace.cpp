#include "analysis/trace.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/leave_one_out.hpp"
#include "autograd/ops.hpp"

namespace sonde {
namespace {

double sum_of(const std::vector<double>& values) {
  double total = 0;
  for (const double v : values) total += v;
  return total;
}

// The checks that all estimators make, and what they do then.
Estimate trace_by(std::string_view who, std::int64_t least, const LinearMap& map, const Sampling& o,
                  const std::function<Samples(std::int64_t)>& draw) {
  check_sampling(o, least, who);
  check_square(map, who);
  return sampled(o, map.domain().size(), draw, [&] { return exact_trace(map, o.batch); });
}

Samples hutch_pp_samples(const LinearMap& map, const Sampling& o, std::int64_t budget) {
  const std::int64_t third = budget / 3;
  const Space& space = map.domain();
  const Tensor sketch = products_with(
      map, random_rows(philox::child(o.key, 0), 0, third, space, Probe::rademacher), o.batch);
  const Tensor q = orthonormalised(sketch, third, 0, philox::child(o.key, 2)).rows;
  const Tensor aq = products_with(map, q, o.batch);
  const double inside = sum_of(row_dots(q, aq));

  const Var g = random_rows(philox::child(o.key, 1), 0, third, space, Probe::rademacher);
  const Tensor outside = (g - matmul(matmul(g, q, {.b = true}), q)).tensor(),
               a_outside = products_with(map, outside, o.batch);
  Samples out{row_dots(outside, a_outside),
              static_cast<double>(third) * rounding_of(q, aq) + rounding_of(outside, a_outside)};
  for (double& v : out.values) v += inside;
  return out;
}

Var column_dots(const Var& a, const Var& b) {
  return sum(a * b, {0}, true);
}

// tr(Q_i A Q_i') + <g, A g> (n - k + 1) / |g|^2 with g the part of w_i orthogonal to Q_i, for every
// i. The last factor takes the length of g for what it is on the average: only its direction is
// random. All of it in terms of Q, one column for each i.
std::vector<double> xtrace_values(const LeaveOneOut& one, const Tensor& products) {
  const auto inner = [](const Tensor& a, const Tensor& b) -> Var {
    return matmul(a, b, {.b = true}).tensor().to(Device{}).to(DType::f64);
  };
  const Var h = inner(one.basis, products), w = inner(one.basis, one.tests),
            t = inner(products, one.tests), s = one.directions, sw = column_dots(s, w);
  const Var x = w - s * sw;  // what Q_i sees of w_i
  const Var gag = sw * Var(one.along) - column_dots(t, x) + column_dots(x, matmul(h, x));
  const auto size = static_cast<double>(one.tests.size(1)), k = static_cast<double>(h.size(0));
  const Var gg = size - column_dots(x, x);
  const Var inside = sum(diagonal(h)) - column_dots(s, matmul(h, s));
  return (inside + gag / gg * (size - k + 1)).tensor().to_vector<double>();
}

Samples xtrace_samples(const LinearMap& map, const Sampling& o, std::int64_t budget) {
  const LeaveOneOut one = leave_one_out(map, budget / 2, Probe::sphere, o);
  const Tensor products = products_with(map, one.basis, o.batch);
  if (one.whole_range)
    return {{sum_of(row_dots(one.basis, products))},
            one.negligible * std::sqrt(static_cast<double>(map.domain().size()))};
  const double inside = static_cast<double>(products.size(0)) * rounding_of(one.basis, products);
  return {xtrace_values(one, products), inside + one.rounding, true};
}

}  // namespace

double exact_trace(const LinearMap& map, std::int64_t batch) {
  check_square(map, "exact_trace");
  double total = 0;
  for_unit_vectors(map, batch, [&](std::int64_t, const Tensor& units, const Tensor& products) {
    total += sum_of(row_dots(units, products));
  });
  return total;
}

Estimate hutchinson_trace(const LinearMap& map, const Sampling& o, Probe probe) {
  Samples samples;
  double roundings = 0;
  return trace_by("hutchinson_trace", 2, map, o, [&](std::int64_t budget) {
    auto done = static_cast<std::int64_t>(samples.values.size());
    while (done < budget) {
      const std::int64_t end = std::min(done + o.batch, budget);
      const Tensor z = random_rows(o.key, done, end, map.domain(), probe), az = map.apply_batch(z);
      std::ranges::copy(row_dots(z, az), std::back_inserter(samples.values));
      roundings += static_cast<double>(end - done) * rounding_of(z, az);
      done = end;
    }
    samples.rounding = roundings / static_cast<double>(done);
    return samples;
  });
}

Estimate hutch_pp_trace(const LinearMap& map, const Sampling& o) {
  return trace_by("hutch_pp_trace", 6, map, o,
                  [&](std::int64_t budget) { return hutch_pp_samples(map, o, budget); });
}

Estimate xtrace(const LinearMap& map, const Sampling& o) {
  return trace_by("xtrace", 4, map, o,
                  [&](std::int64_t budget) { return xtrace_samples(map, o, budget); });
}

}  // namespace sonde
