#include "tests/arguments.hpp"

namespace sonde::testing {
namespace {

Var value(std::int64_t v) {
  return Tensor::from<std::int64_t>({v}, {1});
}

}  // namespace

void index_arguments(ArgumentRows& rows) {
  using I = std::int64_t;
  const Input x{{4, 3}}, index{{4, 3}, Draw::index, 0, 3}, list{{2}, Draw::index, 0, 3}, one{{1}};
  auto row = [&](const char* name, std::vector<Input> inputs, I size,
                 std::function<Var(const Vars&, I)> f) {
    rows.push_back(
        {name, std::move(inputs), size, [f](const Vars& x, I v) { return make_vars(f(x, v)); }});
  };
  row("gather.axis", {x, index}, 2, [](const Vars& x, I v) { return gather(x[0], v, x[1]); });
  row("gather.index", {{{4}}}, 4, [](const Vars& x, I v) { return gather(x[0], 0, value(v)); });
  row("take_along_axis.axis", {x, index}, 2,
      [](const Vars& x, I v) { return take_along_axis(x[0], x[1], v); });
  row("scatter_add.axis", {x, index}, 2,
      [](const Vars& x, I v) { return scatter_add(x[0], v, x[1], x[0]); });
  row("scatter_add.index", {{{4}}, one}, 4,
      [](const Vars& x, I v) { return scatter_add(x[0], 0, value(v), x[1]); });
  row("scatter_sum.axis", {x, index}, 2, [](const Vars& x, I v) {
    return scatter_sum(x[0], v, x[1], {4, 3});
  });
  row("scatter_sum.shape", {x, index}, 3, [](const Vars& x, I v) {
    return scatter_sum(x[0], 1, x[1], {4, v});
  });
  row("scatter_sum.shape", {x, index}, 4, [](const Vars& x, I v) {
    return scatter_sum(x[0], 1, x[1], {v, 3});
  });
  row("take.axis", {x, list}, 2, [](const Vars& x, I v) { return take(x[0], x[1], v); });
  row("take.index", {x}, 4, [](const Vars& x, I v) { return take(x[0], value(v), 0); });
  row("index_select.axis", {x, list}, 2,
      [](const Vars& x, I v) { return index_select(x[0], v, x[1]); });
  row("index_add.axis", {{{2, 2}}, {{2}, Draw::index, 0, 2}}, 2,
      [](const Vars& x, I v) { return index_add(x[0], v, x[1], x[0]); });
  row("index_add.index", {x, {{1, 3}}}, 4,
      [](const Vars& x, I v) { return index_add(x[0], 0, value(v), x[1]); });
  row("embedding.index", {x}, 4, [](const Vars& x, I v) { return embedding(value(v), x[0]); });
  row("arange.n", {}, 3, [](const Vars&, I v) { return arange(v, Device{}); });
  row("one_hot.classes", {list}, 3, [](const Vars& x, I v) { return one_hot(x[0], v); });
  row("one_hot.index", {}, 3, [](const Vars&, I v) { return one_hot(value(v), 3); });
  row("sort.axis", {x}, 2, [](const Vars& x, I v) { return sort(x[0], v).values; });
  row("argsort.axis", {x}, 2, [](const Vars& x, I v) { return argsort(x[0], v); });
  row("topk.k", {x}, 3, [](const Vars& x, I v) { return topk(x[0], v).indices; });
  row("topk.axis", {x}, 2, [](const Vars& x, I v) { return topk(x[0], 2, v).values; });
}

}  // namespace sonde::testing
