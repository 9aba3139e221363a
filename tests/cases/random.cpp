#include "tests/cases.hpp"

namespace sonde::testing {

void random_cases(Cases& cases) {
  const Input key{{}, Draw::key};
  auto row = [&](const std::string& name, std::vector<Input> inputs,
                 std::function<Var(const Vars&)> f) {
    cases.push_back({.name = name,
                     .inputs = std::move(inputs),
                     .f = [f](const Vars& x) { return make_vars(f(x)); },
                     .order = 0});
  };
  for (DType t : {DType::f32, DType::f64}) {
    const std::string type(to_string(t));
    row("uniform_" + type, {key}, [t](const Vars& x) { return uniform(x[0], {2, 3}, -1, 2, t); });
    row("normal_" + type, {key}, [t](const Vars& x) { return normal(x[0], {7}, 1, 2, t); });
    row("truncated_normal_" + type, {key}, [t](const Vars& x) {
      return truncated_normal(x[0], {3, 3}, 0, 1, -1, 2, t);
    });
    row("bernoulli_" + type, {key}, [t](const Vars& x) { return bernoulli(x[0], {20}, 0.3, t); });
  }
  row("normal_rank0", {key}, [](const Vars& x) { return normal(x[0], {}); });
  row("normal_empty", {key}, [](const Vars& x) { return normal(x[0], {2, 0}); });
  row("bernoulli_bool", {key}, [](const Vars& x) { return bernoulli(x[0], {20}, 0.5); });
  row("randint", {key}, [](const Vars& x) { return randint(x[0], {9}, -3, 4); });
  row("randint_i32", {key}, [](const Vars& x) { return randint(x[0], {9}, 0, 1000, DType::i32); });
  row("permutation", {key}, [](const Vars& x) { return permutation(x[0], 6); });
  row("permutation_empty", {key}, [](const Vars& x) { return permutation(x[0], 0); });
  row("split_key", {key}, [](const Vars& x) { return split_key(x[0], 3); });
  row("split_key_draws", {key}, [](const Vars& x) { return normal(split_key(x[0], 3), {2}); });
  row("fold_in", {key}, [](const Vars& x) { return fold_in(x[0], 7); });
  row("fold_in_data", {key, {{}, Draw::index, 0, 1000}},
      [](const Vars& x) { return uniform(fold_in(x[0], x[1]), {4}); });
}

}  // namespace sonde::testing
