#include "tests/cases.hpp"

namespace sonde::testing {
namespace {

using F = std::function<Var(const Vars&)>;

Input index(const Dims& shape, double size) {
  return {shape, Draw::index, 0, size};
}

void gather_rows(const std::function<void(const char*, std::vector<Input>, F)>& row) {
  row("gather", {{{3, 4}}, index({3, 2}, 4)}, [](const Vars& x) { return gather(x[0], 1, x[1]); });
  row("gather_smaller_index", {{{3, 4, 2}}, index({2, 5, 1}, 4)},
      [](const Vars& x) { return gather(x[0], -2, x[1]); });
  row("gather_rank0", {{{}}, index({}, 1)}, [](const Vars& x) { return gather(x[0], 0, x[1]); });
  row("gather_empty_index", {{{3, 4}}, index({3, 0}, 4)},
      [](const Vars& x) { return gather(x[0], 1, x[1]); });
  row("gather_empty_axis", {{{0, 4}}, index({0, 4}, 1)},
      [](const Vars& x) { return gather(x[0], 0, x[1]); });
  row("take_along_axis", {{{3, 4}}, index({3, 4}, 3)},
      [](const Vars& x) { return take_along_axis(x[0], x[1], 0); });
  row("scatter_add", {{{3, 4}}, index({2, 6}, 4), {{2, 6}}},
      [](const Vars& x) { return scatter_add(x[0], 1, x[1], x[2]); });
  row("scatter_add_larger_src", {{{3, 4}}, index({2, 2}, 3), {{4, 3}}},
      [](const Vars& x) { return scatter_add(x[0], 0, x[1], x[2]); });
  row("scatter_sum", {{{5}}, index({5}, 2)},
      [](const Vars& x) { return scatter_sum(x[0], 0, x[1], {2}); });
  row("scatter_sum_rank0", {{{}}, index({}, 1)},
      [](const Vars& x) { return scatter_sum(x[0], 0, x[1], {}); });
  row("scatter_sum_empty", {{{0, 2}}, index({0, 2}, 1)}, [](const Vars& x) {
    return scatter_sum(x[0], 0, x[1], {3, 2});
  });
}

void take_rows(const std::function<void(const char*, std::vector<Input>, F)>& row) {
  row("take", {{{4, 3, 2}}, index({2, 3}, 3)}, [](const Vars& x) { return take(x[0], x[1], 1); });
  row("take_one", {{{4, 3}}, index({}, 4)}, [](const Vars& x) { return take(x[0], x[1], 0); });
  row("take_empty", {{{4, 3}}, index({0}, 4)}, [](const Vars& x) { return take(x[0], x[1], 0); });
  row("take_of_nothing", {{{3, 0}}, index({2}, 3)},
      [](const Vars& x) { return take(x[0], x[1], 0); });
  row("index_select", {{{3, 5}}, index({4}, 5)},
      [](const Vars& x) { return index_select(x[0], -1, x[1]); });
  row("index_add", {{{4, 3}}, index({6}, 4), {{6, 3}}},
      [](const Vars& x) { return index_add(x[0], 0, x[1], x[2]); });
  row("index_add_empty", {{{4, 3}}, index({0}, 4), {{0, 3}}},
      [](const Vars& x) { return index_add(x[0], 0, x[1], x[2]); });
  row("embedding", {index({2, 3}, 5), {{5, 4}}},
      [](const Vars& x) { return embedding(x[0], x[1]); });
}

}  // namespace

void index_cases(Cases& cases) {
  auto row = [&](const char* name, std::vector<Input> inputs, F f) {
    cases.push_back({name, std::move(inputs), [f](const Vars& x) { return make_vars(f(x)); }});
  };
  gather_rows(row);
  take_rows(row);
  cases.push_back({.name = "one_hot",
                   .inputs = {index({2, 3}, 4)},
                   .f = [](const Vars& x) { return make_vars(one_hot(x[0], 4, DType::f32)); },
                   .order = 0});
  cases.push_back({.name = "one_hot_empty",
                   .inputs = {index({0}, 1)},
                   .f = [](const Vars& x) { return make_vars(one_hot(x[0], 0)); },
                   .order = 0});
  const Input distinct{{3, 5}, Draw::distinct, -2, 2};
  auto both = [](const Sorted& s) { return make_vars(s.values, s.indices); };
  cases.push_back({"sort", {distinct}, [=](const Vars& x) { return both(sort(x[0])); }});
  cases.push_back(
      {"sort_descending", {distinct}, [=](const Vars& x) { return both(sort(x[0], 0, true)); }});
  cases.push_back({"sort_rank0", {{{}}}, [=](const Vars& x) { return both(sort(x[0])); }});
  cases.push_back({"sort_empty", {{{2, 0}}}, [=](const Vars& x) { return both(sort(x[0])); }});
  cases.push_back({"topk", {distinct}, [=](const Vars& x) { return both(topk(x[0], 2)); }});
  cases.push_back(
      {"topk_smallest", {distinct}, [=](const Vars& x) { return both(topk(x[0], 3, 0, false)); }});
  cases.push_back({"topk_none", {distinct}, [=](const Vars& x) { return both(topk(x[0], 0)); }});
  cases.push_back({"sort_ties",
                   {{{4}, Draw::exact, 0, 0, {1, 0, 1, 0}}},
                   [=](const Vars& x) { return both(sort(x[0])); },
                   [](const Tensors&) {
                     return Tensor::from<double>({0, 0, 1, 1}, {4});
                   },
                   0});
  cases.push_back({.name = "argsort",
                   .inputs = {distinct},
                   .f = [](const Vars& x) { return make_vars(argsort(x[0], 0)); },
                   .order = 0});
}

}  // namespace sonde::testing
