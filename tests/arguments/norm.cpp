#include "tests/arguments.hpp"

namespace sonde::testing {

void norm_arguments(ArgumentRows& rows) {
  using I = std::int64_t;
  auto row = [&](const char* name, I size, std::function<Var(const Var&, I)> f) {
    rows.push_back(
        {name, {{{2, 4, 3}}}, size, [f](const Vars& x, I v) { return make_vars(f(x[0], v)); }});
  };
  row("softmax.dim", 3, [](const Var& x, I v) { return softmax(x, v); });
  row("log_softmax.dim", 3, [](const Var& x, I v) { return log_softmax(x, v); });
  row("layer_norm.normalized_shape", 3, [](const Var& x, I v) { return layer_norm(x, {v}); });
  row("layer_norm.normalized_shape", 4, [](const Var& x, I v) { return layer_norm(x, {v, 3}); });
  row("rms_norm.normalized_shape", 3, [](const Var& x, I v) { return rms_norm(x, {4, v}); });
  row("group_norm.num_groups", 4, [](const Var& x, I v) { return group_norm(x, v); });
  rows.push_back({"cross_entropy.ignore_index",
                  {{{2, 3}}, {{2}, Draw::index, 0, 3}},
                  3,
                  [](const Vars& x, I v) {
                    return make_vars(cross_entropy(x[0], x[1], Reduction::mean, v));
                  }});
  rows.push_back({"cross_entropy.target", {{{1, 3}}}, 3, [](const Vars& x, I v) {
                    return make_vars(
                        cross_entropy(x[0], Var(Tensor::from<std::int64_t>({v}, {1}))));
                  }});
}

}  // namespace sonde::testing
