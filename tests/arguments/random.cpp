#include "tests/arguments.hpp"

namespace sonde::testing {

void random_arguments(ArgumentRows& rows) {
  using I = std::int64_t;
  auto row = [&](const char* name, I size, std::function<Var(const Var&, I)> f) {
    rows.push_back(
        {name, {{{}, Draw::key}}, size, [f](const Vars& x, I v) { return make_vars(f(x[0], v)); }});
  };
  row("uniform.shape", 4, [](const Var& k, I v) { return uniform(k, {2, v}); });
  row("normal.shape", 4, [](const Var& k, I v) { return normal(k, {v, 2}); });
  row("truncated_normal.shape", 4, [](const Var& k, I v) { return truncated_normal(k, {v, v}); });
  row("bernoulli.shape", 4, [](const Var& k, I v) { return bernoulli(k, {v}, 0.5); });
  row("randint.shape", 4, [](const Var& k, I v) { return randint(k, {v, 3}, 0, 5); });
  row("randint.low", 5, [](const Var& k, I v) { return randint(k, {3}, v, 5); });
  row("randint.high", 5, [](const Var& k, I v) { return randint(k, {3}, 0, v, DType::i32); });
  row("permutation.n", 5, [](const Var& k, I v) { return permutation(k, v); });
  row("split_key.n", 5, [](const Var& k, I v) { return split_key(k, v); });
  row("fold_in.data", 5, [](const Var& k, I v) { return fold_in(k, v); });
}

}  // namespace sonde::testing
