#include "tensor/cuda/index_plan.hpp"

namespace sonde::cuda {
namespace {

// The tensor at position 0 of `axis`: without that axis, or with stride 0 along it. The sizes are
// those of `shape`.
Tensor at_zero(const Tensor& t, Dims shape, int axis, bool keep_axis) {
  Dims strides = t.strides();
  if (keep_axis) {
    strides[axis] = 0;
  } else {
    shape.erase(axis);
    strides.erase(axis);
  }
  return t.as_strided(shape, strides, t.offset());
}

}  // namespace

IndexPlan index_plan(Stream& stream, const char* op, const Tensor& like, const Tensor& index,
                     const Dims& position_strides, const Tensor& indexed, int axis, Items items) {
  IndexPlan plan;
  for (const Tensor* t : {&like, &index, &indexed}) (void)address(stream, *t);
  const Dims& shape = index.shape();
  const Tensor position = index.as_strided(shape, position_strides, index.offset());
  plan.guard = {stream.faults.note(), op, indexed.shape()[axis]};
  plan.step = indexed.strides()[axis] * size_of(indexed.dtype());
  plan.items = index.numel();
  const bool whole = items == Items::elements;
  if (!whole) {
    plan.length = shape[axis];
    plan.along = {like.strides()[axis] * size_of(like.dtype()), index.strides()[axis] * 8, 0,
                  position.strides()[axis] * 8};
    if (plan.length > 0) plan.items /= plan.length;
  }
  if (plan.items == 0) return plan;
  const auto part = [&](const Tensor& t) { return whole ? t : at_zero(t, shape, axis, false); };
  const Tensor in[] = {part(index), at_zero(indexed, shape, axis, whole), part(position)};
  plan.walk = walk_of(in, part(like));
  return plan;
}

}  // namespace sonde::cuda
