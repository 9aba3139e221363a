#include "tests/arguments.hpp"

namespace sonde::testing {

void pool_arguments(ArgumentRows& rows) {
  using I = std::int64_t;
  auto row = [&](const char* name, const Dims& shape, I size, std::function<Var(const Var&, I)> f) {
    rows.push_back(
        {name, {{shape}}, size, [f](const Vars& x, I v) { return make_vars(f(x[0], v)); }});
  };
  auto images = [&](const char* name, I size, std::function<Var(const Var&, I)> f) {
    row(name, {2, 3, 5, 4}, size, f);
  };
  auto sequences = [&](const char* name, I size, std::function<Var(const Var&, I)> f) {
    row(name, {2, 3, 5}, size, f);
  };
  images("max_pool2d.kernel_size", 5, [](const Var& x, I v) { return max_pool2d(x, {v, 2}); });
  images("max_pool2d.stride", 3, [](const Var& x, I v) {
    return max_pool2d(x, {2, 2}, {.stride = Size2{1, v}});
  });
  images("max_pool2d.padding", 2, [](const Var& x, I v) {
    return max_pool2d(x, {4, 3}, {.padding = {v, 1}});
  });
  images("max_pool2d.dilation", 3, [](const Var& x, I v) {
    return max_pool2d(x, {2, 2}, {.padding = {1, 0}, .dilation = {v, 1}});
  });
  images("max_pool2d_with_indices.kernel_size", 5, [](const Var& x, I v) {
    return max_pool2d_with_indices(x, {v, v}).second;
  });
  images("avg_pool2d.kernel_size", 5, [](const Var& x, I v) { return avg_pool2d(x, {v, 2}); });
  images("avg_pool2d.stride", 3, [](const Var& x, I v) {
    return avg_pool2d(x, {2, 2}, {.stride = Size2{1, v}});
  });
  images("avg_pool2d.padding", 2, [](const Var& x, I v) {
    return avg_pool2d(x, {4, 3}, {.padding = {v, 1}});
  });
  images("avg_pool2d.kernel_size_and_padding", 2, [](const Var& x, I v) {
    return avg_pool2d(x, {v, v}, {.stride = Size2{v, v}, .padding = {v / 2, v / 2}});
  });
  images("adaptive_avg_pool2d.output_size", 5, [](const Var& x, I v) {
    return adaptive_avg_pool2d(x, {v, 2});
  });
  images("adaptive_max_pool2d.output_size", 5, [](const Var& x, I v) {
    return adaptive_max_pool2d(x, {2, v});
  });
  sequences("max_pool1d.kernel_size", 5, [](const Var& x, I v) { return max_pool1d(x, v); });
  sequences("max_pool1d.stride", 3,
            [](const Var& x, I v) { return max_pool1d(x, 2, {.stride = v}); });
  sequences("max_pool1d.padding", 2,
            [](const Var& x, I v) { return max_pool1d(x, 4, {.padding = v}); });
  sequences("max_pool1d.dilation", 3,
            [](const Var& x, I v) { return max_pool1d(x, 2, {.dilation = v}); });
  sequences("avg_pool1d.kernel_size", 5, [](const Var& x, I v) { return avg_pool1d(x, v); });
  sequences("avg_pool1d.stride", 3,
            [](const Var& x, I v) { return avg_pool1d(x, 2, {.stride = v}); });
  sequences("avg_pool1d.padding", 2,
            [](const Var& x, I v) { return avg_pool1d(x, 4, {.padding = v}); });
  sequences("adaptive_avg_pool1d.output_size", 5,
            [](const Var& x, I v) { return adaptive_avg_pool1d(x, v); });
  sequences("adaptive_max_pool1d.output_size", 5,
            [](const Var& x, I v) { return adaptive_max_pool1d(x, v); });
}

}  // namespace sonde::testing
