#include "tests/cases.hpp"

namespace sonde::testing {

// Kernels are tested against the definition in test_pool_kernels.cpp. Maxima want inputs without
// ties.
void pool_cases(Cases& cases) {
  auto row = [&](const char* name, const Dims& shape, std::function<Var(const Var&)> f) {
    cases.push_back(
        {name, {{shape, Draw::distinct}}, [f](const Vars& x) { return make_vars(f(x[0])); }});
  };
  row("max_pool2d", {2, 2, 4, 6}, [](const Var& x) { return max_pool2d(x, {2, 3}); });
  row("max_pool2d_overlapping", {1, 2, 5, 4}, [](const Var& x) {
    return max_pool2d(x, {3, 2}, {.stride = Size2{1, 1}, .padding = {1, 1}});
  });
  row("max_pool2d_dilated", {1, 2, 6, 5}, [](const Var& x) {
    return max_pool2d(x, {2, 2}, {.stride = Size2{2, 1}, .dilation = {3, 2}});
  });
  row("max_pool2d_unbatched", {2, 4, 4}, [](const Var& x) { return max_pool2d(x, {2, 2}); });
  row("max_pool2d_empty", {0, 2, 4, 4}, [](const Var& x) { return max_pool2d(x, {2, 2}); });
  row("max_pool1d", {2, 2, 7},
      [](const Var& x) { return max_pool1d(x, 3, {.stride = 2, .padding = 1}); });
  row("adaptive_max_pool2d", {1, 2, 5, 4}, [](const Var& x) {
    return adaptive_max_pool2d(x, {3, 2});
  });
  row("adaptive_max_pool1d", {2, 2, 5}, [](const Var& x) { return adaptive_max_pool1d(x, 2); });
  row("avg_pool2d", {2, 2, 4, 6}, [](const Var& x) { return avg_pool2d(x, {2, 3}); });
  row("avg_pool2d_padded", {1, 2, 5, 4}, [](const Var& x) {
    return avg_pool2d(x, {3, 2}, {.stride = Size2{2, 1}, .padding = {1, 1}});
  });
  row("avg_pool2d_exclude_pad", {1, 2, 5, 4}, [](const Var& x) {
    return avg_pool2d(x, {3, 2},
                      {.stride = Size2{2, 1}, .padding = {1, 1}, .count_include_pad = false});
  });
  row("avg_pool2d_empty", {2, 0, 4, 4}, [](const Var& x) { return avg_pool2d(x, {2, 2}); });
  row("avg_pool1d", {2, 7},
      [](const Var& x) { return avg_pool1d(x, 3, {.stride = 2, .padding = 1}); });
  row("adaptive_avg_pool2d", {2, 2, 5, 4}, [](const Var& x) {
    return adaptive_avg_pool2d(x, {3, 1});
  });
  row("adaptive_avg_pool1d", {2, 2, 5}, [](const Var& x) { return adaptive_avg_pool1d(x, 7); });
}

}  // namespace sonde::testing
