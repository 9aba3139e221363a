#include "tests/cases.hpp"
#include "tests/conv_reference.hpp"

namespace sonde::testing {
namespace {

using Product = std::vector<double> reference::Convolution::*;

// One of the three products by the definition, for inputs of shapes x, w, dy; `first` and `second`
// say which are given.
std::function<Tensor(const Tensors&)> by_definition(const ConvAttrs& a, Dims x, Dims w, Dims dy,
                                                    Product product) {
  return [=](const Tensors& in) {
    const Tensor zx = Tensor::zeros(x, DType::f64), zw = Tensor::zeros(w, DType::f64),
                 zy = Tensor::zeros(dy, DType::f64);
    const bool y = product == &reference::Convolution::y,
               dx = product == &reference::Convolution::dx;
    const Tensor &image = dx ? zx : in[0], &filter = y || dx ? in[1] : zw,
                 &grad = y    ? zy
                         : dx ? in[0]
                              : in[1];
    const auto r =
        reference::convolve(image.unsqueeze(0), filter.unsqueeze(0), grad.unsqueeze(0), a);
    return Tensor::from<double>(r.*product, y ? dy : dx ? x : w);
  };
}

// Rows for conv2d and both its transposes.
void three_rows(Cases& cases, const std::string& name, const Dims& x, const Dims& w,
                const ConvAttrs& a) {
  const Dims dy{x[0], w[0], reference::out_size(x[2], w[2], a, 0),
                reference::out_size(x[3], w[3], a, 1)};
  cases.push_back({"conv2d" + name,
                   {{x}, {w}},
                   [a](const Vars& v) { return make_vars(conv2d(v[0], v[1], {}, a)); },
                   by_definition(a, x, w, dy, &reference::Convolution::y)});
  const Size2 size{x[2], x[3]}, kernel{w[2], w[3]};
  cases.push_back(
      {"conv2d_input_grad" + name,
       {{dy}, {w}},
       [a, size](const Vars& v) { return make_vars(conv2d_input_grad(v[0], v[1], size, a)); },
       by_definition(a, x, w, dy, &reference::Convolution::dx)});
  cases.push_back(
      {"conv2d_weight_grad" + name,
       {{x}, {dy}},
       [a, kernel](const Vars& v) { return make_vars(conv2d_weight_grad(v[0], v[1], kernel, a)); },
       by_definition(a, x, w, dy, &reference::Convolution::dw)});
}

}  // namespace

void conv_cases(Cases& cases) {
  three_rows(cases, "", {2, 3, 4, 5}, {2, 3, 3, 2}, {{1, 1}, {1, 0}});
  three_rows(cases, "_strided", {1, 2, 6, 5}, {3, 2, 2, 3}, {{2, 3}, {1, 2}, {2, 1}});
  three_rows(cases, "_grouped", {2, 4, 3, 3}, {6, 2, 2, 2}, {{1, 1}, {0, 1}, {1, 1}, 2});
  three_rows(cases, "_depthwise", {1, 3, 4, 4}, {3, 1, 3, 3}, {{1, 1}, {1, 1}, {1, 1}, 3});
  three_rows(cases, "_1x1", {2, 3, 2, 2}, {2, 3, 1, 1}, {});
  three_rows(cases, "_empty", {0, 2, 3, 3}, {2, 2, 2, 2}, {});
  three_rows(cases, "_no_channels", {1, 0, 3, 3}, {2, 0, 2, 2}, {});
  cases.push_back({"conv2d_bias", {{{2, 2, 3, 3}}, {{3, 2, 2, 2}}, {{3}}}, [](const Vars& v) {
                     return make_vars(conv2d(v[0], v[1], v[2], {{2, 1}, {1, 1}}));
                   }});
  cases.push_back({"conv2d_unbatched", {{{2, 3, 3}}, {{3, 2, 2, 2}}}, [](const Vars& v) {
                     return make_vars(conv2d(v[0], v[1]));
                   }});
  cases.push_back({"conv2d_aliased", {{{2, 2, 2, 2}}}, [](const Vars& v) {
                     return make_vars(conv2d(v[0], v[0], {}, {{1, 1}, {1, 1}}));
                   }});
  cases.push_back({"conv1d", {{{2, 4, 6}}, {{2, 2, 3}}, {{2}}}, [](const Vars& v) {
                     return make_vars(conv1d(v[0], v[1], v[2], {2, 1, 1, 2}));
                   }});
  cases.push_back({"conv1d_unbatched", {{{2, 5}}, {{3, 2, 2}}}, [](const Vars& v) {
                     return make_vars(conv1d(v[0], v[1], {}, {1, 0, 2}));
                   }});
}

}  // namespace sonde::testing
