#include "tests/arguments.hpp"

namespace sonde::testing {

void view_arguments(ArgumentRows& rows) {
  using I = std::int64_t;
  auto row = [&](const char* name, I size, std::function<Var(const Var&, I)> f) {
    rows.push_back(
        {name, {{{4, 3, 3}}}, size, [f](const Vars& x, I v) { return make_vars(f(x[0], v)); }});
  };
  auto rows_of = [&](const char* name, I size, std::function<Vars(const Var&, I)> f) {
    rows.push_back({name, {{{4, 3, 3}}}, size, [f](const Vars& x, I v) { return f(x[0], v); }});
  };
  row("reshape.shape", 12, [](const Var& x, I v) { return reshape(x, {v, 3}); });
  row("reshape.shape", 6, [](const Var& x, I v) { return reshape(x, {-1, v, 6}); });
  row("permute.axes", 3, [](const Var& x, I v) { return permute(x, {v, 0, 1}); });
  row("transpose.a", 3, [](const Var& x, I v) { return transpose(x, v, 0); });
  row("transpose.b", 3, [](const Var& x, I v) { return transpose(x, 0, v); });
  row("broadcast_to.shape", 4, [](const Var& x, I v) { return broadcast_to(x, {v, 3, 3}); });
  row("broadcast_to.shape", 2, [](const Var& x, I v) { return broadcast_to(x, {v, v, 4, 3, 3}); });
  row("slice.axis", 3, [](const Var& x, I v) { return slice(x, v, 0, 1); });
  row("slice.start", 4, [](const Var& x, I v) { return slice(x, 0, v, {}); });
  row("slice.stop", 4, [](const Var& x, I v) { return slice(x, 0, {}, v); });
  row("slice.step", 4, [](const Var& x, I v) { return slice(x, 0, {}, {}, v); });
  row("select.axis", 3, [](const Var& x, I v) { return select(x, v, 0); });
  row("select.index", 4, [](const Var& x, I v) { return select(x, 0, v); });
  row("squeeze.axis", 3, [](const Var& x, I v) { return squeeze(x, v); });
  row("unsqueeze.axis", 4, [](const Var& x, I v) { return unsqueeze(x, v); });
  row("concat.axis", 3, [](const Var& x, I v) { return concat({x, x}, v); });
  row("stack.axis", 4, [](const Var& x, I v) { return stack({x, x}, v); });
  rows_of("split.sizes", 4, [](const Var& x, I v) { return split(x, {v, 4}, 0); });
  rows_of("split.size", 4, [](const Var& x, I v) { return split(x, v); });
  rows_of("split.axis", 3, [](const Var& x, I v) { return split(x, 2, v); });
  rows_of("chunk.chunks", 4, [](const Var& x, I v) { return chunk(x, v); });
  rows_of("chunk.axis", 3, [](const Var& x, I v) { return chunk(x, 2, v); });
  rows_of("unstack.axis", 3, [](const Var& x, I v) { return unstack(x, v); });
  row("pad.before", 4, [](const Var& x, I v) { return pad(x, {v, 0, v}, {0, 0, 0}); });
  row("pad.after", 4, [](const Var& x, I v) { return pad(x, {0, 0, 1}, {0, v, 0}); });
  row("diagonal.offset", 3, [](const Var& x, I v) { return diagonal(x, v); });
  row("diagonal.a", 3, [](const Var& x, I v) { return diagonal(x, 0, v, 1); });
  row("diagonal.b", 3, [](const Var& x, I v) { return diagonal(x, 0, 1, v); });
  row("flip.axes", 3, [](const Var& x, I v) { return flip(x, {0, v}); });
  row("roll.shift", 4, [](const Var& x, I v) { return roll(x, v, 0); });
  row("roll.axis", 3, [](const Var& x, I v) { return roll(x, 1, v); });
  row("flatten.start", 3, [](const Var& x, I v) { return flatten(x, v); });
  row("flatten.end", 3, [](const Var& x, I v) { return flatten(x, 0, v); });
  row("movedim.from", 3, [](const Var& x, I v) { return movedim(x, v, 0); });
  row("movedim.to", 3, [](const Var& x, I v) { return movedim(x, 0, v); });
}

}  // namespace sonde::testing
