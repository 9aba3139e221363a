#include "tests/cases.hpp"

namespace sonde::testing {
namespace {

// op(a) op(b) of two matrices, element by element.
std::function<Tensor(const Tensors&)> naive_product(Transposed stored) {
  return [stored](const Tensors& in) {
    const Tensor a = stored.a ? in[0].transpose(0, 1) : in[0],
                 b = stored.b ? in[1].transpose(0, 1) : in[1];
    std::vector<double> c;
    for (std::int64_t i = 0; i < a.size(0); ++i)
      for (std::int64_t j = 0; j < b.size(1); ++j) {
        double sum = 0;
        for (std::int64_t p = 0; p < a.size(1); ++p) sum += a.at({i, p}) * b.at({p, j});
        c.push_back(sum);
      }
    return Tensor::from<double>(c, {a.size(0), b.size(1)});
  };
}

std::function<Vars(const Vars&)> product(Transposed stored) {
  return [stored](const Vars& x) { return make_vars(matmul(x[0], x[1], stored)); };
}

void matmul_rows(Cases& cases, const std::string& suffix, Transposed t) {
  const auto stored = [](Dims batch, std::int64_t rows, std::int64_t cols, bool transposed) {
    batch.push_back(transposed ? cols : rows);
    batch.push_back(transposed ? rows : cols);
    return Input{batch};
  };
  cases.push_back({"matmul" + suffix,
                   {stored({}, 3, 4, t.a), stored({}, 4, 2, t.b)},
                   product(t),
                   naive_product(t)});
  cases.push_back(
      {"matmul_batch" + suffix, {stored({2}, 3, 2, t.a), stored({2}, 2, 3, t.b)}, product(t)});
  cases.push_back(
      {"matmul_tall" + suffix, {stored({2, 2}, 3, 2, t.a), stored({}, 2, 3, t.b)}, product(t)});
  cases.push_back(
      {"matmul_shared_left" + suffix, {stored({}, 3, 2, t.a), stored({2}, 2, 3, t.b)}, product(t)});
  cases.push_back({"matmul_broadcast" + suffix,
                   {stored({2, 1}, 2, 3, t.a), stored({3}, 3, 2, t.b)},
                   product(t)});
}

}  // namespace

void matmul_cases(Cases& cases) {
  matmul_rows(cases, "", {});
  matmul_rows(cases, "_nt", {.b = true});
  matmul_rows(cases, "_tn", {.a = true});
  matmul_rows(cases, "_tt", {.a = true, .b = true});
  cases.push_back({"matmul_no_inner", {{{3, 0}}, {{0, 2}}}, product({})});
  cases.push_back({"matmul_no_rows", {{{0, 3}}, {{3, 2}}}, product({})});
  cases.push_back(
      {"matmul_aliased", {{{3, 3}}}, [](const Vars& x) { return make_vars(matmul(x[0], x[0])); }});
  cases.push_back({"matmul_matrix_vector", {{{2, 3, 4}}, {{4}}}, product({})});
  cases.push_back({"matmul_vector_matrix", {{{3}}, {{2, 3, 4}}}, product({})});
  cases.push_back({"linear", {{{2, 3, 4}}, {{5, 4}}, {{5}}}, [](const Vars& x) {
                     return make_vars(linear(x[0], x[1], x[2]));
                   }});
  cases.push_back(
      {"dot", {{{5}}, {{5}}}, [](const Vars& x) { return make_vars(dot(x[0], x[1])); }});
  cases.push_back(
      {"outer", {{{3}}, {{2}}}, [](const Vars& x) { return make_vars(outer(x[0], x[1])); }});

  auto sum_row = [&](const char* name, const char* equation, std::vector<Input> inputs) {
    cases.push_back({name, std::move(inputs),
                     [equation](const Vars& x) { return make_vars(einsum(equation, x)); }});
  };
  sum_row("einsum_product", "ij,jk->ki", {{{2, 3}}, {{3, 4}}});
  sum_row("einsum_batch", "bhqd,bhkd->bhqk", {{{2, 2, 3, 2}}, {{2, 2, 2, 2}}});
  sum_row("einsum_trace", "ii->", {{{3, 3}}});
  sum_row("einsum_diagonal", "iji->ji", {{{2, 3, 2}}});
  sum_row("einsum_three", "ij,jk,kl->il", {{{2, 3}}, {{3, 2}}, {{2, 2}}});
  sum_row("einsum_outer", "i,j,k->kij", {{{2}}, {{3}}, {{2}}});
  sum_row("einsum_ellipsis", "...ij,...j->...i", {{{2, 3, 2, 2}}, {{3, 2}}});
  sum_row("einsum_sums", "ijk,jl->i", {{{2, 3, 2}}, {{3, 2}}});
}

}  // namespace sonde::testing
