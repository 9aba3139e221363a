// Convolution in its three directions. Tables: `bench_conv --tables`.
#include "bench/bench_main.hpp"
#include "bench/im2col.hpp"
#include "bench/side_by_side.hpp"
#include "tensor/kernels/conv.hpp"
#include "tensor/parallel.hpp"

namespace sonde::bench {
namespace {

// Operands of one convolution, channels last, with made-up values.
struct Operands {
  ConvAttrs attrs;
  Tensor x, w, dy;

  Operands(std::int64_t batch, std::int64_t in, std::int64_t size, std::int64_t out,
           std::int64_t kernel, std::int64_t stride = 1, std::int64_t groups = 1)
      : attrs{{stride, stride}, {kernel / 2, kernel / 2}, {1, 1}, groups} {
    const std::int64_t out_size = (size + 2 * (kernel / 2) - kernel) / stride + 1;
    x = image({batch, in, size, size});
    w = image({out, in / groups, kernel, kernel}).contiguous();
    dy = image({batch, out, out_size, out_size});
  }
  static Tensor image(const Dims& shape) {
    Tensor t = Tensor::empty_ordered(shape, {0, 2, 3, 1}, DType::f32);
    float* p = t.data<float>();
    for (std::int64_t i = 0; i < t.numel(); ++i)
      p[i] = static_cast<float>((i * 2654435761u >> 8) & 1023) / 512 - 1;
    return t;
  }
  void forward() const { kernels::conv2d.find({}, DType::f32)(x, w, attrs); }
  void input_grad() const {
    kernels::conv2d_input_grad.find({}, DType::f32)(dy, w, {x.size(2), x.size(3)}, attrs);
  }
  void weight_grad() const {
    kernels::conv2d_weight_grad.find({}, DType::f32)(x, dy, {w.size(2), w.size(3)}, attrs);
  }
  /// Multiply-adds of one direction, in units of 1e9 flops.
  double gflop() const {
    return 2e-9 * static_cast<double>(dy.numel()) * static_cast<double>(w.numel() / w.size(0));
  }
};

// With Winograd and without, against im2col.
void against_im2col(SideBySide& table, const Operands& o, double bar) {
  Im2col reference(o.x.size(0), o.x.size(2), o.x.size(3), o.x.size(1), o.w.size(0));
  const Tensor taps = o.w.permute({2, 3, 1, 0}).clone();
  Tensor y = o.dy.clone(), dx = o.x.clone(), dw = taps.clone();
  const float *px = o.x.data<float>(), *pw = taps.data<float>(), *pdy = o.dy.data<float>();
  const auto direct = [](const auto& run) {
    set_conv_winograd(false);
    run();
    set_conv_winograd(true);
  };
  const std::string label = fmt::format("N={} C={} K={} {}x{}", o.x.size(0), o.x.size(1),
                                        o.w.size(0), o.x.size(2), o.x.size(3));
  table.row(label + " forward",
            {{"im2col", [&] { reference.forward(px, pw, y.data<float>()); }},
             {"indirect", [&] { direct([&] { o.forward(); }); }},
             {"winograd", [&] { o.forward(); }}},
            bar);
  table.row(label + " input grad",
            {{"im2col", [&] { reference.input_grad(pdy, pw, dx.data<float>()); }},
             {"indirect", [&] { direct([&] { o.input_grad(); }); }},
             {"winograd", [&] { o.input_grad(); }}},
            bar);
  table.row(label + " weight grad",
            {{"im2col", [&] { reference.weight_grad(px, pdy, dw.data<float>()); }},
             {"direct", [&] { direct([&] { o.weight_grad(); }); }},
             {"winograd", [&] { o.weight_grad(); }}},
            bar);
}

void table_3x3() {
  const int before = threads();
  set_threads(1);
  SideBySide table("conv2d 3x3, stride 1, padding 1, f32, one thread");
  against_im2col(table, Operands(64, 64, 28, 64, 3), 2);
  against_im2col(table, Operands(64, 32, 28, 32, 3), 0);
  against_im2col(table, Operands(64, 128, 14, 128, 3), 0);
  against_im2col(table, Operands(64, 128, 7, 128, 3), 0);
  against_im2col(table, Operands(64, 50, 13, 70, 3), 0);
  set_threads(before);
}

// Rates of the three directions for shapes that have no common reference.
void table_others() {
  const int before = threads();
  set_threads(1);
  fmt::print("\nother shapes, f32, one thread: GFLOP/s forward, input gradient, weight gradient\n");
  const auto rates = [](std::string_view label, const Operands& o) {
    const auto t = time_side_by_side({{"y", [&] { o.forward(); }},
                                      {"dx", [&] { o.input_grad(); }},
                                      {"dw", [&] { o.weight_grad(); }}});
    fmt::print("  {:<44}", label);
    for (const Timing& time : t) fmt::print("  {:8.1f}", o.gflop() / time.ns * 1e9);
    fmt::print("\n");
  };
  rates("3x3 stride 2, N=64 C=64 K=128 28x28", Operands(64, 64, 28, 128, 3, 2));
  rates("5x5 stride 1, N=64 C=32 K=64 28x28", Operands(64, 32, 28, 64, 5));
  rates("1x1, N=64 C=256 K=256 14x14", Operands(64, 256, 14, 256, 1));
  rates("1x1 stride 2, N=64 C=64 K=128 28x28", Operands(64, 64, 28, 128, 1, 2));
  rates("first layer 3x3, N=64 C=3 K=64 32x32", Operands(64, 3, 32, 64, 3));
  rates("first layer 5x5, N=64 C=1 K=16 28x28", Operands(64, 1, 28, 16, 5));
  rates("groups of 16, 3x3, N=64 C=128 K=128 14x14", Operands(64, 128, 14, 128, 3, 1, 8));
  rates("depthwise 3x3, N=32 C=256 32x32", Operands(32, 256, 32, 256, 3, 1, 256));
  rates("depthwise 5x5, N=32 C=256 16x16", Operands(32, 256, 16, 256, 5, 1, 256));
  rates("depthwise 9x9, N=32 C=256 16x16", Operands(32, 256, 16, 256, 9, 1, 256));
  rates("depthwise 3x3 stride 2, N=32 C=256 32x32", Operands(32, 256, 32, 256, 3, 2, 256));
  set_threads(before);
}

void table_conv() {
  table_3x3();
  table_others();
}

void conv_3x3(benchmark::State& state) {
  const Operands o(64, 64, 28, 64, 3);
  for (auto _ : state) {
    if (state.range(0) == 0) o.forward();
    if (state.range(0) == 1) o.input_grad();
    if (state.range(0) == 2) o.weight_grad();
  }
  state.SetLabel(state.range(0) == 0   ? "forward"
                 : state.range(0) == 1 ? "input gradient"
                                       : "weight gradient");
}
BENCHMARK(conv_3x3)->DenseRange(0, 2)->UseRealTime();

}  // namespace
}  // namespace sonde::bench

SONDE_BENCH_MAIN(sonde::bench::table_conv)
