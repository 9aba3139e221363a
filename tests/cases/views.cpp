#include "tests/cases.hpp"

namespace sonde::testing {

void view_cases(Cases& cases) {
  auto row = [&](const char* name, std::vector<Input> inputs, std::function<Var(const Vars&)> f) {
    cases.push_back({name, std::move(inputs), [f](const Vars& x) { return make_vars(f(x)); }});
  };
  row("reshape", {{{2, 6}}}, [](const Vars& x) { return reshape(x[0], {3, -1}); });
  row("reshape_empty", {{{2, 0}}}, [](const Vars& x) { return reshape(x[0], {0, 5}); });
  row("permute", {{{2, 3, 4}}}, [](const Vars& x) { return permute(x[0], {2, 0, -2}); });
  row("broadcast_to", {{{3, 1}}}, [](const Vars& x) { return broadcast_to(x[0], {2, 3, 4}); });
  row("broadcast_to_rank0", {{{}}}, [](const Vars& x) { return broadcast_to(x[0], {2, 2}); });
  row("slice", {{{5, 3}}}, [](const Vars& x) { return slice(x[0], 0, 1, 5, 2); });
  row("slice_reversed", {{{3, 5}}}, [](const Vars& x) { return slice(x[0], -1, {}, {}, -2); });
  row("slice_empty", {{{4, 2}}}, [](const Vars& x) { return slice(x[0], 0, 3, 1); });
  row("select", {{{4, 3}}}, [](const Vars& x) { return select(x[0], 1, -1); });
  row("concat", {{{2, 3}}, {{2, 1}}, {{2, 0}}}, [](const Vars& x) { return concat(x, 1); });
  row("stack", {{{2, 3}}, {{2, 3}}}, [](const Vars& x) { return stack(x, -1); });
  row("stack_rank0", {{{}}, {{}}}, [](const Vars& x) { return stack(x, 0); });
  auto rows = [&](const char* name, std::vector<Input> inputs, std::function<Vars(const Vars&)> f) {
    cases.push_back({name, std::move(inputs), std::move(f)});
  };
  auto second = [](const Vars& parts) { return parts.size() > 1 ? make_vars(parts[1]) : parts; };
  rows("split", {{{2, 6}}}, [](const Vars& x) { return split(x[0], {1, 0, 3, 2}, -1); });
  rows("split_size", {{{5, 2}}}, [](const Vars& x) { return split(x[0], 2); });
  rows("split_one_used", {{{5, 2}}}, [=](const Vars& x) { return second(split(x[0], {2, 3})); });
  rows("split_empty", {{{0, 2}}}, [](const Vars& x) { return split(x[0], 3); });
  rows("chunk", {{{3, 7}}}, [](const Vars& x) { return chunk(x[0], 3, 1); });
  rows("unstack", {{{3, 2, 4}}}, [](const Vars& x) { return unstack(x[0], 1); });
  rows("unstack_one_used", {{{3, 2}}}, [=](const Vars& x) { return second(unstack(x[0], 0)); });
  row("pad", {{{2, 3}}}, [](const Vars& x) { return pad(x[0], {1, 0}, {0, 2}, 0.5); });
  row("pad_empty", {{{0, 3}}}, [](const Vars& x) { return pad(x[0], {1, 0}, {1, 0}, 2); });
  row("pad_rank0", {{{}}}, [](const Vars& x) { return pad(x[0], {}, {}); });
  row("diagonal", {{{3, 4}}}, [](const Vars& x) { return diagonal(x[0]); });
  row("diagonal_offset", {{{3, 2, 4}}}, [](const Vars& x) { return diagonal(x[0], -1, 0, 2); });
  row("diagonal_empty", {{{0, 3}}}, [](const Vars& x) { return diagonal(x[0]); });
  row("diag_embed", {{{2, 3}}}, [](const Vars& x) { return diag_embed(x[0]); });
  row("flip", {{{2, 3, 2}}}, [](const Vars& x) { return flip(x[0], {0, -1}); });
  row("roll", {{{2, 5}}}, [](const Vars& x) { return roll(x[0], 7, 1); });
  row("roll_back", {{{3, 2}}}, [](const Vars& x) { return roll(x[0], -1, 0); });
  row("roll_empty", {{{0, 2}}}, [](const Vars& x) { return roll(x[0], 3, 0); });
  row("flatten", {{{2, 3, 2}}}, [](const Vars& x) { return flatten(x[0], 1); });
  row("flatten_rank0", {{{}}}, [](const Vars& x) { return flatten(x[0]); });
  row("movedim", {{{2, 3, 4}}}, [](const Vars& x) { return movedim(x[0], 0, -1); });
  row("sum", {{{2, 3, 4}}}, [](const Vars& x) { return sum(x[0], {0, -1}); });
  row("sum_keepdim", {{{2, 3}}}, [](const Vars& x) { return sum(x[0], {1}, true); });
  row("sum_all", {{{2, 3}}}, [](const Vars& x) { return sum(x[0]); });
  row("sum_rank0", {{{}}}, [](const Vars& x) { return sum(x[0]); });
  row("sum_empty", {{{0, 3}}}, [](const Vars& x) { return sum(x[0], {0}); });
}

}  // namespace sonde::testing
