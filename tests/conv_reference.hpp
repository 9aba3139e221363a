/// @file
/// Convolution and pooling by their definitions, one scalar at a time in double: what the kernels
/// are tested against.
#pragma once

#include <cmath>

#include "tensor/kernels/conv.hpp"

namespace sonde::reference {

/// Values in [-1, 1) that depend on the seed and the index only.
inline Tensor noise(const Dims& shape, DType dtype, std::uint32_t seed) {
  std::vector<double> values(static_cast<std::size_t>(numel(shape)));
  std::uint32_t state = seed * 2654435761u + 12345u;
  for (double& v : values) {
    state = state * 1664525u + 1013904223u;
    v = static_cast<double>(state >> 8) / (1 << 23) - 1;
  }
  return Tensor::from<double>(values, shape).to(dtype);
}

inline std::int64_t out_size(std::int64_t in, std::int64_t kernel, const ConvAttrs& a,
                             std::size_t axis) {
  return (in + 2 * a.padding[axis] - a.dilation[axis] * (kernel - 1) - 1) / a.stride[axis] + 1;
}

/// Calls f(x index, w index, y index) for every product of a convolution of these [L,N,C,H,W],
/// [L,K,C/G,R,S] and [L,N,K,P,Q] shapes; indices count elements row-major.
template <class F>
void for_products(const Dims& x, const Dims& w, const Dims& y, const ConvAttrs& a, F&& f) {
  const std::int64_t per_group = w[1] / a.groups;
  std::int64_t i = 0;  // of y
  for (std::int64_t l = 0; l < y[0]; ++l)
    for (std::int64_t n = 0; n < y[1]; ++n)
      for (std::int64_t k = 0; k < y[2]; ++k)
        for (std::int64_t p = 0; p < y[3]; ++p)
          for (std::int64_t q = 0; q < y[4]; ++q, ++i)
            for (std::int64_t c = 0; c < w[2]; ++c)
              for (std::int64_t r = 0; r < w[3]; ++r)
                for (std::int64_t s = 0; s < w[4]; ++s) {
                  const std::int64_t h = p * a.stride[0] - a.padding[0] + r * a.dilation[0];
                  const std::int64_t v = q * a.stride[1] - a.padding[1] + s * a.dilation[1];
                  if (h < 0 || h >= x[3] || v < 0 || v >= x[4]) continue;
                  const std::int64_t channel = k / per_group * w[2] + c;
                  f((((l * x[1] + n) * x[2] + channel) * x[3] + h) * x[4] + v,
                    (((l * w[1] + k) * w[2] + c) * w[3] + r) * w[4] + s, i);
                }
}

struct Convolution {
  std::vector<double> y, dx, dw;
};

/// The three products of a convolution with `x`, `w` and `dy`, all with a leading axis of lanes.
inline Convolution convolve(const Tensor& x, const Tensor& w, const Tensor& dy,
                            const ConvAttrs& a) {
  const auto xs = x.to_vector<double>(), ws = w.to_vector<double>(), gs = dy.to_vector<double>();
  Convolution r{std::vector<double>(gs.size()), std::vector<double>(xs.size()),
                std::vector<double>(ws.size())};
  for_products(x.shape(), w.shape(), dy.shape(), a,
               [&](std::int64_t i, std::int64_t j, std::int64_t k) {
                 const auto xi = static_cast<std::size_t>(i), wi = static_cast<std::size_t>(j),
                            yi = static_cast<std::size_t>(k);
                 r.y[yi] += xs[xi] * ws[wi];
                 r.dx[xi] += gs[yi] * ws[wi];
                 r.dw[wi] += gs[yi] * xs[xi];
               });
  return r;
}

/// Largest difference over largest magnitude (or the largest difference where everything is 0).
inline double relative_error(const Tensor& got, const std::vector<double>& want) {
  const auto values = got.to_vector<double>();
  if (values.size() != want.size()) return INFINITY;
  double difference = 0, largest = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (!std::isfinite(values[i])) return INFINITY;
    difference = std::max(difference, std::abs(values[i] - want[i]));
    largest = std::max(largest, std::abs(want[i]));
  }
  return largest > 0 ? difference / largest : difference;
}

}  // namespace sonde::reference
