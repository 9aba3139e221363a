#include "tests/arguments.hpp"

namespace sonde::testing {

void conv_arguments(ArgumentRows& rows) {
  using I = std::int64_t;
  const std::vector<Input> image{{{2, 2, 5, 4}}, {{2, 2, 3, 2}}},
      sequence{{{2, 2, 5}}, {{2, 2, 3}}};
  auto conv2d_row = [&](const char* name, I size, void (*set)(ConvAttrs&, I)) {
    rows.push_back({name, image, size, [set](const Vars& x, I v) {
                      ConvAttrs a;
                      set(a, v);
                      return make_vars(conv2d(x[0], x[1], {}, a));
                    }});
  };
  conv2d_row("conv2d.stride", 3, [](ConvAttrs& a, I v) { a.stride = {v, 1}; });
  conv2d_row("conv2d.padding", 3, [](ConvAttrs& a, I v) { a.padding = {1, v}; });
  conv2d_row("conv2d.dilation", 2, [](ConvAttrs& a, I v) { a.dilation = {v, 1}; });
  conv2d_row("conv2d.groups", 2, [](ConvAttrs& a, I v) { a.groups = v; });
  auto conv1d_row = [&](const char* name, I size, I Conv1dAttrs::*field) {
    rows.push_back({name, sequence, size, [field](const Vars& x, I v) {
                      Conv1dAttrs a;
                      a.*field = v;
                      return make_vars(conv1d(x[0], x[1], {}, a));
                    }});
  };
  conv1d_row("conv1d.stride", 3, &Conv1dAttrs::stride);
  conv1d_row("conv1d.padding", 3, &Conv1dAttrs::padding);
  conv1d_row("conv1d.dilation", 2, &Conv1dAttrs::dilation);
  conv1d_row("conv1d.groups", 2, &Conv1dAttrs::groups);
  rows.push_back(
      {"conv2d_input_grad.input_size", {{{2, 2, 3, 3}}, {{2, 2, 3, 2}}}, 5, [](const Vars& x, I v) {
         return make_vars(conv2d_input_grad(x[0], x[1], {v, 4}));
       }});
  rows.push_back({"conv2d_weight_grad.kernel_size",
                  {{{2, 2, 5, 4}}, {{2, 2, 3, 3}}},
                  3,
                  [](const Vars& x, I v) {
                    return make_vars(conv2d_weight_grad(x[0], x[1], {v, 2}));
                  }});
}

}  // namespace sonde::testing
