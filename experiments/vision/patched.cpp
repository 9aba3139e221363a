#include "experiments/vision/patched.hpp"

#include <algorithm>

#include "autograd/ops.hpp"
#include "experiments/vision/trainer.hpp"
#include "nn/models/local.hpp"

namespace sonde::experiments {
namespace {

class Whole final : public PatchedClassifier {
 public:
  explicit Whole(const nn::Module& module) : classify_(classifier(module)) {}
  Tensor see(const Tensor& clean) override { return classify_(clean); }
  Tensor patched(const Tensor& inputs, std::span<const std::int64_t>,
                 const Window&) const override {
    return classify_(inputs);
  }

 private:
  const Classifier classify_;
};

// Along one axis: the cells first ... last that see a changed pixel, and the pixels begin ... end -
// 1 that they see.
struct Span {
  std::int64_t first, last, begin, end;
};

Span span_of(std::int64_t from, std::int64_t length, const nn::Reach& r, std::int64_t cells,
             std::int64_t pixels) {
  // the least i with stride i + after >= from, the greatest with stride i - before <= the last
  // pixel
  const std::int64_t first = std::max<std::int64_t>(from - r.after + r.stride - 1, 0) / r.stride;
  const std::int64_t last = std::min((from + length - 1 + r.before) / r.stride, cells - 1);
  return {first, last, std::max<std::int64_t>(first * r.stride - r.before, 0),
          std::min(last * r.stride + r.after + 1, pixels)};
}

// [B, F, h, w] as [B, h, w, F] in memory, which for the maps of convolutions is how they are.
Tensor by_pixel(const Tensor& maps) {
  return maps.permute({0, 2, 3, 1}).contiguous();
}

class Windowed final : public PatchedClassifier {
 public:
  Windowed(const nn::Module& module, const nn::LocalFirst& parts)
      : module_(module), parts_(parts) {}

  Tensor see(const Tensor& clean) override {
    clean_ = by_pixel(local(clean));
    return rest(clean_);
  }

  Tensor patched(const Tensor& inputs, std::span<const std::int64_t> of,
                 const Window& window) const override {
    const nn::Reach r = parts_.reach();
    const Span rows = span_of(window.top, window.height, r, clean_.size(1), inputs.size(2)),
               columns = span_of(window.left, window.width, r, clean_.size(2), inputs.size(3));
    const bool changed = rows.first <= rows.last && columns.first <= columns.last;
    if (!changed) return rest(pasted({}, of, rows, columns));
    const Tensor part =
        inputs.slice(2, rows.begin, rows.end).slice(3, columns.begin, columns.end).contiguous();
    return rest(pasted(by_pixel(local(part)), of, rows, columns));
  }

 private:
  Tensor local(const Tensor& x) const {
    nn::Context ctx(module_, module_.parameters());
    return parts_.local(ctx, Var(x.to(module_.device()))).tensor();
  }
  Tensor rest(const Tensor& maps) const {
    nn::Context ctx(module_, module_.parameters());
    return parts_.rest(ctx, Var(maps.permute({0, 3, 1, 2}))).tensor();
  }

  // The clean maps, with the cells of the span from `part`.
  Tensor pasted(const Tensor& part, std::span<const std::int64_t> of, const Span& rows,
                const Span& columns) const {
    const Tensor index = Tensor::from<std::int64_t>(of, {static_cast<std::int64_t>(of.size())});
    Tensor out = take(clean_, index.to(clean_.device()), 0).tensor();
    if (!part) return out;
    const std::int64_t stride = parts_.reach().stride;
    const auto cells = [&](const Tensor& maps, std::int64_t row, std::int64_t column) {
      return maps.slice(1, row, row + rows.last - rows.first + 1)
          .slice(2, column, column + columns.last - columns.first + 1);
    };
    cells(out, rows.first, columns.first)
        .copy_from(
            cells(part, rows.first - rows.begin / stride, columns.first - columns.begin / stride));
    return out;
  }

  const nn::Module& module_;
  const nn::LocalFirst& parts_;
  Tensor clean_;  // maps of the clean inputs, [n, h, w, F]
};

}  // namespace

std::unique_ptr<PatchedClassifier> patched_classifier(const nn::Module& module) {
  if (const auto* parts = dynamic_cast<const nn::LocalFirst*>(&module))
    return std::make_unique<Windowed>(module, *parts);
  return whole_classifier(module);
}

std::unique_ptr<PatchedClassifier> whole_classifier(const nn::Module& module) {
  return std::make_unique<Whole>(module);
}

}  // namespace sonde::experiments
