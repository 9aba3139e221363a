#include "analysis/rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/ops.hpp"
#include "tensor/random.hpp"

namespace sonde {
namespace {

Tensor product(const Tensor& a, const Tensor& b, Transposed stored = {}) {
  return matmul(Var(a), Var(b), stored).tensor();
}

Tensor difference(const Tensor& a, const Tensor& b) {
  return (Var(a) - Var(b)).tensor();
}

// [n, 2]: the keys of vectors begin ... end - 1, where these are to be drawn.
Tensor keys_of(philox::Key key, std::int64_t begin, std::int64_t end, Device device) {
  std::vector<std::int64_t> words;
  for (std::int64_t i = begin; i < end; ++i) {
    const philox::Key child = philox::child(key, static_cast<std::uint64_t>(i));
    words.push_back(static_cast<std::int64_t>(child.k0));
    words.push_back(static_cast<std::int64_t>(child.k1));
  }
  return Tensor::from<std::int64_t>(words, {end - begin, 2}).to(device);
}

struct Within {
  Tensor rows, factor;
  std::int64_t random = 0;
};

// A small matrix, in f64, for the host to compute with.
Tensor small(const Tensor& matrix) {
  return matrix.to(Device{}).to(DType::f64);
}

// W = factor rows with `count` orthonormal rows, found one after the other.
Within within(const Tensor& w, std::int64_t count, double negligible, philox::Key fresh) {
  const std::int64_t size = w.size(1);
  const Space space = Space::flat(size, w.dtype(), "x", w.device());
  Within out{Tensor::empty({count, size}, w.dtype(), w.device()),
             Tensor::zeros({w.size(0), count}, DType::f64)};
  double* factor = out.factor.mutable_data<double>();
  std::int64_t found = 0;
  // Takes away what lies along the rows found; gives the components. Twice, since later rows count
  // on these being orthonormal.
  const auto split = [&](Tensor& row) {
    const Tensor before = out.rows.slice(0, 0, found);
    Var components = Tensor::zeros({1, found}, DType::f64);
    for (int pass = 0; pass < 2 && found > 0; ++pass) {
      const Tensor along = product(row, before, {.b = true});
      row = difference(row, product(along, before));
      components = components + small(along);
    }
    return components.tensor().to_vector<double>();
  };
  const auto take = [&](const Tensor& row, double norm) {
    out.rows.slice(0, found, found + 1).copy_from(scaled_rows(row, {1 / norm}));
    ++found;
  };
  for (std::int64_t i = 0; i < w.size(0); ++i) {
    Tensor row = w.slice(0, i, i + 1);
    std::ranges::copy(split(row), factor + i * count);
    const double norm = row_norms(row)[0];
    if (norm <= negligible || found == count) continue;
    factor[i * count + found] = norm;
    take(row, norm);
  }
  while (found < count) {
    Tensor row = random_rows(fresh, found, found + 1, space);
    split(row);
    take(row, row_norms(row)[0]);
    ++out.random;
  }
  return out;
}

}  // namespace

Tensor random_rows(philox::Key key, std::int64_t begin, std::int64_t end, const Space& space,
                   Probe probe) {
  const Tensor keys = keys_of(key, begin, end, space.device());
  if (probe == Probe::rademacher)
    return (2.0 * bernoulli(keys, {space.size()}, 0.5, space.dtype()) - 1.0).tensor();
  Tensor normals = normal(keys, {space.size()}, 0, 1, space.dtype()).tensor();
  if (probe == Probe::gaussian) return normals;
  std::vector<double> factors = row_norms(normals);
  for (double& f : factors) f = std::sqrt(static_cast<double>(space.size())) / f;
  return scaled_rows(normals, factors);
}

Tensor unit_rows(std::int64_t begin, std::int64_t end, const Space& space) {
  Tensor units = Tensor::zeros({end - begin, space.size()}, space.dtype(), space.device());
  units.as_strided({end - begin}, {space.size() + 1}, begin)
      .copy_from(Tensor::ones({end - begin}, space.dtype(), space.device()));
  return units;
}

Tensor row_products(const Tensor& a, const Tensor& b) {
  return sum(to(a, DType::f64) * to(b, DType::f64), {1}).tensor();
}

std::vector<double> row_dots(const Tensor& a, const Tensor& b) {
  return row_products(a, b).to_vector<double>();
}

std::vector<double> row_norms(const Tensor& a) {
  std::vector<double> norms = row_dots(a, a);
  for (double& v : norms) v = std::sqrt(v);
  return norms;
}

Tensor scaled_rows(const Tensor& a, const std::vector<double>& factors) {
  const Tensor column = Tensor::from<double>(factors, {a.size(0), 1}).to(a.dtype());
  return (Var(a) * column.to(a.device())).tensor();
}

double epsilon_of(DType dtype) {
  return dtype == DType::f32 ? std::numeric_limits<float>::epsilon()
                             : std::numeric_limits<double>::epsilon();
}

Orthonormalised orthonormalised(const Tensor& w, const Tensor& q, std::int64_t count,
                                double negligible, philox::Key fresh) {
  const Tensor first = product(w, q, {.b = true});
  const Within once = within(difference(w, product(first, q)), count, negligible, fresh);
  const Tensor second = product(once.rows, q, {.b = true});
  // These rows are unit vectors: none of them is negligible.
  const Within twice = within(difference(once.rows, product(second, q)), count, 0, fresh);
  const Tensor components = (Var(small(first)) + matmul(once.factor, small(second))).tensor();
  return {twice.rows, components, product(once.factor, twice.factor), once.random};
}

Orthonormalised orthonormalised(const Tensor& w, std::int64_t count, double negligible,
                                philox::Key fresh) {
  return orthonormalised(w, w.slice(0, 0, 0), count, negligible, fresh);
}

}  // namespace sonde
