#include "tensor/assemble.hpp"

#include "tensor/kernels/elementwise.hpp"

namespace sonde {
namespace {

void copy_into(const Tensor& x, Tensor target) {
  if (x.numel() == 0) return;
  kernels::copy.find(x.device(), x.dtype())(std::span(&x, 1), target, nullptr);
}

}  // namespace

Spec concat_spec(std::span<const Spec> parts, std::int64_t axis) {
  if (parts.empty()) fail(ErrorCode::value, "concat", "no tensors given");
  Spec out = parts[0];
  const int a = normal_axis(axis, out.shape.rank(), "concat");
  for (const Spec& part : parts.subspan(1)) {
    if (part.dtype != out.dtype)
      fail_hint(ErrorCode::dtype, "concat", "convert with to(...)", "{} beside {}", part, parts[0]);
    if (!(part.device == out.device)) fail(ErrorCode::device, "concat", "{} beside {}", part, parts[0]);
    Dims expected = out.shape;
    if (part.shape.rank() == expected.rank()) expected[a] = part.shape[a];
    if (!(part.shape == expected))
      fail(ErrorCode::shape, "concat", "{} beside {}: only axis {} may differ", part, parts[0], a);
    out.shape[a] = checked_add(out.shape[a], part.shape[a]);
  }
  numel(out.shape);
  return out;
}

Tensor concat(std::span<const Tensor> parts, std::int64_t axis) {
  SmallVector<Spec, 4> specs;
  for (const Tensor& part : parts) specs.push_back(part.spec());
  const Spec spec = concat_spec(specs, axis);
  const int a = normal_axis(axis, spec.shape.rank(), "concat");
  const Tensor out = Tensor::empty(spec.shape, spec.dtype, spec.device);
  std::int64_t start = 0;
  for (const Tensor& part : parts) {
    copy_into(part, out.slice(a, start, start + part.shape()[a]));
    start += part.shape()[a];
  }
  return out;
}

Dims pad_shape(const Dims& shape, const Dims& before, const Dims& after) {
  if (before.rank() != shape.rank() || after.rank() != shape.rank())
    fail(ErrorCode::shape, "pad", "widths {} and {} for shape {}", before, after, shape);
  Dims out = shape;
  for (int i = 0; i < shape.rank(); ++i) {
    if (before[i] < 0 || after[i] < 0)
      fail_hint(ErrorCode::value, "pad", "crop with slice(...)", "negative width in {} or {}", before, after);
    out[i] = checked_add(out[i], checked_add(before[i], after[i]));
  }
  numel(out);
  return out;
}

Tensor pad(const Tensor& x, const Dims& before, const Dims& after, double value) {
  const Tensor out = Tensor::full(pad_shape(x.shape(), before, after), value, x.dtype(), x.device());
  Tensor middle = out;
  for (int i = 0; i < x.rank(); ++i) middle = middle.slice(i, before[i], before[i] + x.shape()[i]);
  copy_into(x, middle);
  return out;
}

Tensor place(const Tensor& x, std::int64_t axis, std::int64_t start, std::int64_t step, const Dims& shape) {
  const Tensor out = Tensor::zeros(shape, x.dtype(), x.device());
  if (x.numel() == 0) return out;
  const int a = normal_axis(axis, x.rank(), "place");
  Dims strides = out.strides();
  strides[a] *= step;
  copy_into(x, out.as_strided(x.shape(), strides, start * out.strides()[a]));
  return out;
}

}  // namespace sonde
