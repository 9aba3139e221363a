/// @file
/// Convolution the common way, as the reference of bench_conv: unfold each image into a matrix of
/// patches, then sgemm. Images are channels last and small enough that the patches of one stay in
/// cache.
#pragma once

#include <cstring>
#include <vector>

#include "tensor/cpu/blas.hpp"

namespace sonde::bench {

/// 3x3, stride 1, padding 1; x [N][H][W][C], w [9][C][K], y [N][H][W][K].
class Im2col {
 public:
  Im2col(std::int64_t batch, std::int64_t height, std::int64_t width, std::int64_t in,
         std::int64_t out)
      : batch_(batch),
        height_(height),
        width_(width),
        in_(in),
        out_(out),
        patches_(static_cast<std::size_t>(height * width * 9 * in)) {}

  void forward(const float* x, const float* w, float* y) {
    for (std::int64_t n = 0; n < batch_; ++n) {
      unfold(x + n * pixels() * in_);
      cpu::blas_gemm(false, false, pixels(), out_, 9 * in_, 1.0f, patches_.data(), 9 * in_, w, out_,
                     0.0f, y + n * pixels() * out_, out_);
    }
  }

  void input_grad(const float* dy, const float* w, float* dx) {
    std::memset(dx, 0, sizeof(float) * static_cast<std::size_t>(batch_ * pixels() * in_));
    for (std::int64_t n = 0; n < batch_; ++n) {
      cpu::blas_gemm(false, true, pixels(), 9 * in_, out_, 1.0f, dy + n * pixels() * out_, out_, w,
                     out_, 0.0f, patches_.data(), 9 * in_);
      fold(dx + n * pixels() * in_);
    }
  }

  void weight_grad(const float* x, const float* dy, float* dw) {
    for (std::int64_t n = 0; n < batch_; ++n) {
      unfold(x + n * pixels() * in_);
      cpu::blas_gemm(true, false, 9 * in_, out_, pixels(), 1.0f, patches_.data(), 9 * in_,
                     dy + n * pixels() * out_, out_, n == 0 ? 0.0f : 1.0f, dw, out_);
    }
  }

 private:
  std::int64_t pixels() const { return height_ * width_; }

  // Calls f(patch row, pixel offset or -1) for the nine positions around every pixel.
  template <class F>
  void for_patches(F&& f) {
    float* row = patches_.data();
    for (std::int64_t h = 0; h < height_; ++h)
      for (std::int64_t w = 0; w < width_; ++w)
        for (std::int64_t t = 0; t < 9; ++t, row += in_) {
          const std::int64_t i = h + t / 3 - 1, j = w + t % 3 - 1;
          const bool inside = i >= 0 && i < height_ && j >= 0 && j < width_;
          f(row, inside ? (i * width_ + j) * in_ : -1);
        }
  }
  void unfold(const float* x) {
    const std::size_t bytes = sizeof(float) * static_cast<std::size_t>(in_);
    for_patches([&](float* row, std::int64_t at) {
      if (at >= 0)
        std::memcpy(row, x + at, bytes);
      else
        std::memset(row, 0, bytes);
    });
  }
  void fold(float* dx) {
    for_patches([&](const float* row, std::int64_t at) {
      if (at < 0) return;
      for (std::int64_t c = 0; c < in_; ++c) dx[at + c] += row[c];
    });
  }

  std::int64_t batch_, height_, width_, in_, out_;
  std::vector<float> patches_;
};

}  // namespace sonde::bench
