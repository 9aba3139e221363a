#include "analysis/sampling.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/rows.hpp"
#include "analysis/statistics.hpp"

namespace sonde {

std::vector<std::int64_t> looks(const Sampling& o) {
  std::vector<std::int64_t> out;
  if (o.tolerance > 0)
    for (std::int64_t count = 16; count < o.products; count *= 2) out.push_back(count);
  out.push_back(o.products);
  return out;
}

Estimate estimate_of(const Samples& samples, std::size_t looks, philox::Key key) {
  const auto n = static_cast<std::int64_t>(samples.values.size());
  Estimate e{.value = mean(samples.values), .n = n, .seed = key.k0};
  const double factor = samples.shared ? shared_variance : 1,
               drawn = n > 1 ? factor * variance(samples.values) / static_cast<double>(n) : 0;
  e.std_error = std::sqrt(drawn + samples.rounding * samples.rounding);
  const double outside = 0.025 / static_cast<double>(looks),
               dof = static_cast<double>(std::max<std::int64_t>(n - 1, 1)),
               reach = student_t_quantile(1 - outside, dof) * *e.std_error;
  e.ci95 = Interval{e.value - reach, e.value + reach};
  return e;
}

Estimate sampled(const Sampling& o, std::int64_t size,
                 const std::function<Samples(std::int64_t)>& draw,
                 const std::function<double()>& exact) {
  const std::vector<std::int64_t> counts = looks(o);
  Estimate e;
  for (const std::int64_t products : counts) {
    if (products >= size) return Estimate::exact(exact());
    e = estimate_of(draw(products), counts.size(), o.key);
    if (e.ci95 && e.ci95->high - e.value <= o.tolerance * std::abs(e.value)) break;
  }
  return e;
}

void check_sampling(const Sampling& o, std::int64_t least, std::string_view who) {
  if (o.products < least || !(o.tolerance >= 0) || o.batch < 1)
    fail(ErrorCode::value, who, "{} products (it takes {} at least), tolerance {}, batches of {}",
         o.products, least, o.tolerance, o.batch);
}

void check_square(const LinearMap& map, std::string_view who) {
  if (map.domain() != map.range())
    fail(ErrorCode::shape, who,
         "{} maps {} elements to {}; a trace or diagonal is that of a map of "
         "a space into itself",
         map.name(), map.domain().size(), map.range().size());
}

double rounding_of(const Tensor& v, const Tensor& product) {
  const std::vector<double> a = row_norms(v), b = row_norms(product);
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return epsilon_of(product.dtype()) * sum / static_cast<double>(a.size());
}

Tensor products_with(const LinearMap& map, const Tensor& vectors, std::int64_t batch) {
  const Space& range = map.range();
  Tensor out = Tensor::empty({vectors.size(0), range.size()}, range.dtype(), range.device());
  for (std::int64_t begin = 0; begin < vectors.size(0); begin += batch) {
    const std::int64_t end = std::min(begin + batch, vectors.size(0));
    out.slice(0, begin, end).copy_from(map.apply_batch(vectors.slice(0, begin, end)));
  }
  return out;
}

void for_unit_vectors(const LinearMap& map, std::int64_t batch,
                      const std::function<void(std::int64_t, const Tensor&, const Tensor&)>& each) {
  const std::int64_t size = map.domain().size();
  for (std::int64_t begin = 0; begin < size; begin += batch) {
    const Tensor units = unit_rows(begin, std::min(begin + batch, size), map.domain());
    each(begin, units, map.apply_batch(units));
  }
}

}  // namespace sonde
