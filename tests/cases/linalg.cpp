#include <algorithm>

#include "tests/cases.hpp"

namespace sonde::testing {
namespace {

// x plus a matrix with these numbers on its diagonal: keeps the drawn matrices away from singular
// ones.
Var shifted(const Var& x, const std::vector<double>& diagonal) {
  const std::int64_t m = x.size(-2), n = x.size(-1);
  Tensor d = Tensor::zeros({m, n}, DType::f64);
  double* p = d.mutable_data<double>();
  const auto count = std::min({m, n, static_cast<std::int64_t>(diagonal.size())});
  for (std::int64_t i = 0; i < count; ++i) p[i * (n + 1)] = diagonal[static_cast<std::size_t>(i)];
  return add(x, to(to(d, x.dtype()), x.device()));
}
Var square(const Var& x) {
  return mul(x, x);
}

Input small(const Dims& shape) {
  return {shape, Draw::uniform, -0.5, 0.5};
}

}  // namespace

// Signs of eigenvectors and singular vectors are arbitrary: the rows use functions that do not see
// them.
void linalg_cases(Cases& cases) {
  auto row = [&](const char* name, std::vector<Input> inputs, std::function<Vars(const Vars&)> f,
                 double tolerance = 10) {
    cases.push_back(
        {.name = name, .inputs = std::move(inputs), .f = std::move(f), .tolerance = tolerance});
  };
  row("cholesky", {small({3, 3})}, [](const Vars& x) {
    return make_vars(cholesky(shifted(x[0], {2, 3, 2})));
  });
  row("cholesky_batch", {small({2, 2, 2})}, [](const Vars& x) {
    return make_vars(cholesky(shifted(x[0], {2, 3})));
  });

  row("eigh", {small({3, 3})}, [](const Vars& x) {
    const Eigh e = eigh(shifted(x[0], {-2, 0, 3}));
    return make_vars(e.values, square(e.vectors));
  });
  row("eigh_batch", {small({2, 2, 2})}, [](const Vars& x) {
    const Eigh e = eigh(shifted(x[0], {-2, 1}));
    return make_vars(
        matmul(mul(e.vectors, unsqueeze(square(e.values), -2)), e.vectors, {.b = true}));
  });

  const auto svd_row = [](std::vector<double> diagonal) {
    return [diagonal](const Vars& x) {
      const Svd f = svd(shifted(x[0], diagonal));
      return make_vars(square(f.u), f.s, square(f.vt),
                       matmul(mul(f.u, unsqueeze(square(f.s), -2)), f.vt));
    };
  };
  row("svd_square", {small({3, 3})}, svd_row({5, 3, 1.5}), 30);
  row("svd_tall", {small({4, 2})}, svd_row({4, 2}), 30);
  row("svd_wide", {small({2, 3})}, svd_row({4, 2}), 30);
  row("svd_batch", {small({2, 2, 2})}, svd_row({4, 2}), 30);
  row("svd_values", {small({3, 2})}, [](const Vars& x) {
    return make_vars(svd(shifted(x[0], {3, 1.5})).s);
  });

  const auto qr_row = [](const Vars& x) {
    const Qr f = qr(shifted(x[0], {3, -2}));
    return make_vars(f.q, f.r);
  };
  row("qr_tall", {small({4, 2})}, qr_row);
  row("qr_square", {small({2, 2})}, qr_row);
  row("qr_wide", {small({2, 4})}, qr_row);
  row("qr_batch", {small({2, 3, 2})}, qr_row);

  for (bool transposed : {false, true}) {
    row(transposed ? "solve_transposed" : "solve", {small({3, 3}), {{3, 2}}}, [=](const Vars& x) {
      return make_vars(solve(shifted(x[0], {2, -3, 2}), x[1], transposed));
    });
    for (bool lower : {false, true})
      row(lower        ? transposed ? "triangular_solve_lower_t" : "triangular_solve_lower"
          : transposed ? "triangular_solve_upper_t"
                       : "triangular_solve_upper",
          {small({3, 3}), {{3, 2}}}, [=](const Vars& x) {
            return make_vars(triangular_solve(shifted(x[0], {2, -3, 2}), x[1],
                                              {.lower = lower, .transposed = transposed}));
          });
  }
  row("triangular_solve_unit", {{{3, 3}}, {{3, 2}}},
      [](const Vars& x) { return make_vars(triangular_solve(x[0], x[1], {.unit = true})); });
  row("solve_vector", {small({2, 2}), {{2}}}, [](const Vars& x) {
    return make_vars(solve(shifted(x[0], {2, 3}), x[1]));
  });
  row("solve_one_matrix", {small({2, 2}), {{3, 2, 1}}}, [](const Vars& x) {
    return make_vars(solve(shifted(x[0], {2, 3}), x[1]));
  });
  row("solve_broadcast", {small({2, 1, 2, 2}), {{3, 2, 1}}}, [](const Vars& x) {
    return make_vars(solve(shifted(x[0], {2, 3}), x[1]));
  });
  row("inv", {small({3, 3})}, [](const Vars& x) {
    return make_vars(inv(shifted(x[0], {2, -3, 2})));
  });
  row("inv_batch", {small({2, 2, 2})}, [](const Vars& x) {
    return make_vars(inv(shifted(x[0], {2, -3})));
  });
  row("det", {{{3, 3}}}, [](const Vars& x) { return make_vars(det(shifted(x[0], {2, -3, 2}))); });
  row("det_batch", {{{2, 2, 2}}}, [](const Vars& x) {
    return make_vars(det(shifted(x[0], {3, -3})));
  });
  row("slogdet", {small({3, 3})}, [](const Vars& x) {
    const Slogdet d = slogdet(shifted(x[0], {2, -3, 2}));
    return make_vars(mul(d.sign, d.logabsdet), d.logabsdet);
  });
  row("logdet", {small({2, 2})}, [](const Vars& x) {
    return make_vars(logdet(shifted(x[0], {2, 3})));
  });
  row("lstsq_tall", {small({4, 2}), {{4, 2}}}, [](const Vars& x) {
    return make_vars(lstsq(shifted(x[0], {2, 3}), x[1]));
  });
  row("lstsq_wide", {small({2, 4}), {{2}}}, [](const Vars& x) {
    return make_vars(lstsq(shifted(x[0], {2, 3}), x[1]));
  });
}

}  // namespace sonde::testing
