#include "tensor/tensor.hpp"

#include <algorithm>
#include <cstring>

#include "tensor/backend.hpp"
#include "tensor/kernels/elementwise.hpp"

namespace sonde {
namespace {

std::int64_t byte_count(const Spec& spec) {
  return checked_mul(numel(spec.shape), size_of(spec.dtype));
}

Tensor allocate(const Spec& spec, const Dims& strides) {
  return Tensor(
      make_ref<TensorData>(spec, make_ref<Storage>(byte_count(spec), spec.device), strides, 0));
}

// Axes from the largest stride to the smallest; equal strides keep their order.
Dims memory_order(const Tensor& t) {
  Dims order;
  for (int i = 0; i < t.rank(); ++i) order.push_back(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return t.strides()[a] > t.strides()[b]; });
  return order;
}

// Without its repeated elements: axes of stride 0 get the size 1.
Tensor without_repeats(const Tensor& t) {
  Dims shape = t.shape();
  for (int i = 0; i < t.rank(); ++i)
    if (t.strides()[i] == 0 && shape[i] > 1) shape[i] = 1;
  return t.as_strided(shape, t.strides(), t.offset());
}

}  // namespace

Tensor Tensor::empty(const Dims& shape, DType dtype, Device device) {
  return allocate({shape, dtype, device}, contiguous_strides(shape));
}

Tensor Tensor::empty_like(const Tensor& like, DType dtype) {
  if (like.is_contiguous() || !like.is_dense()) return empty(like.shape(), dtype, like.device());
  return allocate({like.shape(), dtype, like.device()}, like.strides());
}

Tensor Tensor::empty_ordered(const Dims& shape, const Dims& order, DType dtype, Device device) {
  Dims permuted;
  for (std::int64_t axis : order) permuted.push_back(shape[static_cast<int>(axis)]);
  const Dims packed = contiguous_strides(permuted);
  Dims strides = shape;
  for (int i = 0; i < order.rank(); ++i) strides[static_cast<int>(order[i])] = packed[i];
  return allocate({shape, dtype, device}, strides);
}

Tensor Tensor::full(const Dims& shape, double value, DType dtype, Device device) {
  Tensor one = empty({}, DType::f64, Device{});
  *one.data<double>() = value;
  if (shape.empty() && dtype == DType::f64 && device == Device{}) return one;
  Tensor out = empty(shape, dtype, device);
  kernels::copy.find(device, DType::f64)(std::span(&one, 1), out, nullptr);
  return out;
}

Tensor Tensor::from_bytes(const void* values, std::size_t count, DType dtype, const Dims& shape) {
  Tensor out = empty(shape, dtype);
  if (static_cast<std::int64_t>(count) != out.numel())
    fail(ErrorCode::shape, "Tensor::from", "{} values for shape {}", count, shape);
  if (count != 0)
    std::memcpy(out.bytes(), values, count * static_cast<std::size_t>(size_of(dtype)));
  return out;
}

Tensor Tensor::arange(std::int64_t n, DType dtype, double start, double step, Device device) {
  Tensor t = empty({n}, DType::f64);
  auto* p = t.data<double>();
  for (std::int64_t i = 0; i < n; ++i) p[i] = start + step * static_cast<double>(i);
  return t.to(dtype).to(device);
}

Tensor Tensor::eye(std::int64_t n, DType dtype, Device device) {
  Tensor t = zeros({n, n}, dtype, device);
  t.diagonal().copy_from(ones({n}, dtype, device));
  return t;
}

std::int64_t Tensor::size(std::int64_t axis) const {
  return shape()[normal_axis(axis, rank(), "size")];
}

bool Tensor::is_contiguous() const {
  std::int64_t step = 1;
  for (int i = rank() - 1; i >= 0; --i) {
    if (shape()[i] == 0) return true;
    if (shape()[i] != 1 && strides()[i] != step) return false;
    step *= shape()[i];
  }
  return true;
}

bool Tensor::is_dense() const {
  const Dims order = memory_order(*this);
  std::int64_t step = 1;
  for (int i = rank() - 1; i >= 0; --i) {
    const int axis = static_cast<int>(order[i]);
    if (shape()[axis] == 0) return true;
    if (shape()[axis] != 1 && strides()[axis] != step) return false;
    step *= shape()[axis];
  }
  return true;
}

double Tensor::item() const {
  if (numel() != 1)
    fail_hint(ErrorCode::shape, "item", "reduce it first, or use at(index)",
              "shape {} has {} elements, not one", shape(), numel());
  return at(Dims::filled(rank(), 0));
}

double Tensor::at(const Dims& index) const {
  if (index.rank() != rank()) fail(ErrorCode::axis, "at", "index {} for shape {}", index, shape());
  std::int64_t position = 0;
  for (int i = 0; i < rank(); ++i) {
    if (index[i] < 0 || index[i] >= shape()[i])
      fail(ErrorCode::axis, "at", "index {} is outside shape {}", index, shape());
    position += index[i] * strides()[i];
  }
  return as_strided({}, {}, offset() + position).to(Device{}).to(DType::f64).data<double>()[0];
}

template <class T>
std::vector<T> Tensor::to_vector() const {
  const Tensor t = to(Device{}).to(dtype_of<T>).contiguous();
  const T* p = t.data<T>();
  return std::vector<T>(p, p + t.numel());
}
template std::vector<float> Tensor::to_vector() const;
template std::vector<double> Tensor::to_vector() const;
template std::vector<std::int32_t> Tensor::to_vector() const;
template std::vector<std::int64_t> Tensor::to_vector() const;
template std::vector<std::uint8_t> Tensor::to_vector() const;
template std::vector<bool> Tensor::to_vector() const;

Tensor Tensor::as_strided(const Dims& shape, const Dims& strides, std::int64_t offset) const {
  return Tensor(make_ref<TensorData>(Spec{shape, dtype(), device()}, p_->storage, strides, offset));
}

Tensor Tensor::slice(std::int64_t axis, std::optional<std::int64_t> start,
                     std::optional<std::int64_t> stop, std::int64_t step) const {
  const int a = normal_axis(axis, rank(), "slice");
  if (step == 0) fail(ErrorCode::value, "slice", "step is 0");
  if (step < 0 && step == INT64_MIN) fail(ErrorCode::value, "slice", "step {} is too small", step);
  const std::int64_t n = shape()[a], low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1;
  auto bound = [&](std::optional<std::int64_t> v, std::int64_t missing) {
    if (!v) return missing;
    return std::clamp(*v < 0 ? checked_add(*v, n) : *v, low, high);
  };
  const std::int64_t first = bound(start, step > 0 ? 0 : n - 1),
                     last = bound(stop, step > 0 ? n : -1);
  const std::int64_t span = step > 0 ? last - first : first - last, width = step > 0 ? step : -step;
  const std::int64_t count = span <= 0 ? 0 : (span - 1) / width + 1;
  Dims new_shape = shape(), new_strides = strides();
  new_shape[a] = count;
  if (count > 1) new_strides[a] = checked_mul(strides()[a], step);
  return as_strided(new_shape, new_strides,
                    count == 0 ? offset() : offset() + first * strides()[a]);
}

Tensor Tensor::select(std::int64_t axis, std::int64_t index) const {
  const int a = normal_axis(axis, rank(), "select");
  const std::int64_t n = shape()[a];
  if (index < -n || index >= n)
    fail(ErrorCode::axis, "select", "index {} is out of range for size {} of axis {}", index, n,
         axis);
  Dims new_shape = shape(), new_strides = strides();
  new_shape.erase(a);
  new_strides.erase(a);
  return as_strided(new_shape, new_strides,
                    offset() + (index < 0 ? index + n : index) * strides()[a]);
}

Tensor Tensor::permute(const Dims& axes) const {
  const Dims order = normal_axes(axes, rank(), "permute", false);
  if (order.rank() != rank())
    fail(ErrorCode::axis, "permute", "{} axes for rank {}", axes.rank(), rank());
  Dims new_shape, new_strides;
  for (std::int64_t a : order) {
    new_shape.push_back(shape()[static_cast<int>(a)]);
    new_strides.push_back(strides()[static_cast<int>(a)]);
  }
  return as_strided(new_shape, new_strides, offset());
}

Tensor Tensor::transpose(std::int64_t a, std::int64_t b) const {
  Dims axes;
  for (int i = 0; i < rank(); ++i) axes.push_back(i);
  std::swap(axes[normal_axis(a, rank(), "transpose")], axes[normal_axis(b, rank(), "transpose")]);
  return permute(axes);
}

Tensor Tensor::expand(const Dims& target) const {
  if (target.rank() < rank() || !(broadcast_shapes(shape(), target, "expand") == target))
    fail(ErrorCode::broadcast, "expand", "shape {} does not expand to {}", shape(), target);
  sonde::numel(target);  // negative or overflowing sizes
  Dims new_strides = Dims::filled(target.rank(), 0);
  const int missing = target.rank() - rank();
  for (int i = 0; i < rank(); ++i)
    if (shape()[i] == target[missing + i]) new_strides[missing + i] = strides()[i];
  return as_strided(target, new_strides, offset());
}

Tensor Tensor::squeeze(std::int64_t axis) const {
  const int a = normal_axis(axis, rank(), "squeeze");
  if (shape()[a] != 1)
    fail(ErrorCode::shape, "squeeze", "axis {} of shape {} has size {}, not 1", axis, shape(),
         shape()[a]);
  return select(a, 0);
}

Tensor Tensor::unsqueeze(std::int64_t axis) const {
  const int a = normal_axis(axis, rank() + 1, "unsqueeze");
  Dims new_shape = shape(), new_strides = strides();
  new_shape.insert(a, 1);
  new_strides.insert(a, a < rank() ? checked_mul(strides()[a], shape()[a]) : 1);
  return as_strided(new_shape, new_strides, offset());
}

Tensor Tensor::flip(const Dims& axes) const {
  Tensor t = *this;
  for (std::int64_t a : normal_axes(axes, rank(), "flip", false)) t = t.slice(a, {}, {}, -1);
  return t;
}

Tensor Tensor::diagonal(std::int64_t shift, std::int64_t a, std::int64_t b) const {
  const int i = normal_axis(a, rank(), "diagonal"), j = normal_axis(b, rank(), "diagonal");
  if (i == j) fail(ErrorCode::axis, "diagonal", "both axes are {}", a);
  const std::int64_t rows = shape()[i], columns = shape()[j];
  if (shift != 0 && (shift <= -rows || shift >= columns))
    fail(ErrorCode::value, "diagonal", "offset {} lies outside shape {}", shift, shape());
  const std::int64_t row = shift < 0 ? -shift : 0, column = shift > 0 ? shift : 0;
  const std::int64_t count = std::max<std::int64_t>(0, std::min(rows - row, columns - column));
  Dims new_shape = shape(), new_strides = strides();
  const std::int64_t step = strides()[i] + strides()[j];
  const std::int64_t start =
      offset() + (count > 0 ? row * strides()[i] + column * strides()[j] : 0);
  for (int axis : {std::max(i, j), std::min(i, j)}) {
    new_shape.erase(axis);
    new_strides.erase(axis);
  }
  new_shape.push_back(count);
  new_strides.push_back(step);
  return as_strided(new_shape, new_strides, start);
}

std::optional<Tensor> Tensor::try_view(const Dims& target) const {
  if (is_contiguous() || numel() == 0)
    return as_strided(target, contiguous_strides(target), offset());
  // Walk runs of old axes that memory holds as one, innermost first; each must fill a whole group
  // of new axes.
  Dims new_strides = Dims::filled(target.rank(), 1);
  int next = target.rank() - 1;
  for (int i = rank() - 1; i >= 0; --i) {
    if (shape()[i] == 1) continue;
    const std::int64_t step = strides()[i];
    std::int64_t run = shape()[i];
    while (i > 0 && (shape()[i - 1] == 1 || strides()[i - 1] == run * step)) run *= shape()[--i];
    std::int64_t filled = 1;
    for (; next >= 0 && filled < run; --next) {
      new_strides[next] = step * filled;
      filled *= target[next];
    }
    if (filled != run) return std::nullopt;
  }
  return as_strided(target, new_strides, offset());
}

Tensor Tensor::reshape(const Dims& shape) const {
  const Dims target = resolve_shape(shape, numel(), "reshape");
  if (target == this->shape()) return *this;
  if (auto view = try_view(target)) return *view;
  return contiguous().as_strided(target, contiguous_strides(target), 0);
}

Tensor Tensor::contiguous() const {
  return is_contiguous() ? *this : clone();
}

Tensor Tensor::clone() const {
  Tensor out = empty(shape(), dtype(), device());
  kernels::copy.find(device(), dtype())(std::span(this, 1), out, nullptr);
  return out;
}

Tensor Tensor::to(DType target) const {
  if (target == dtype()) return *this;
  Tensor out = empty_like(*this, target);
  kernels::copy.find(device(), dtype())(std::span(this, 1), out, nullptr);
  return out;
}

Tensor Tensor::to(Device target) const {
  if (target == device()) return *this;
  Tensor source = without_repeats(*this);
  if (!source.is_dense()) source = source.clone();
  const Tensor out = allocate({source.shape(), dtype(), target}, source.strides());
  if (out.numel() != 0) {
    detail::backend(target.type == DeviceType::cpu ? device() : target)
        .copy(out.storage(), 0, source.storage(), source.offset() * size_of(dtype()),
              out.storage().bytes());
  }
  return source.shape() == shape() ? out : out.expand(shape());
}

void Tensor::copy_from(const Tensor& source) {
  if (!(source.shape() == shape()))
    fail(ErrorCode::shape, "copy_from", "source {} for target {}", source.spec(), spec());
  const Tensor from = &source.storage() == &storage() ? source.clone() : source.to(device());
  storage().bump_version();
  kernels::copy.find(device(), from.dtype())(std::span(&from, 1), *this, nullptr);
}

void Tensor::no_access(DType asked) const {
  if (device().type != DeviceType::cpu)
    fail_hint(ErrorCode::device, "data", "copy it with to(Device{})",
              "the host cannot read the data of {}", spec());
  fail_hint(ErrorCode::dtype, "data", "convert with to(...)", "asked for {}, the tensor is {}",
            asked, spec());
}

Dims resolve_shape(const Dims& shape, std::int64_t count, std::string_view op) {
  Dims out = shape;
  int open = -1;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] != -1) continue;
    if (open >= 0) fail(ErrorCode::shape, op, "more than one -1 in {}", shape);
    open = i;
    out[i] = 1;
  }
  const std::int64_t known = numel(out);
  if (open >= 0 && known > 0) out[open] = count / known;
  if (open >= 0 && known == 0)
    fail(ErrorCode::shape, op, "cannot tell the -1 in {} beside a size of 0", shape);
  if (numel(out) != count)
    fail(ErrorCode::shape, op, "{} elements do not fill shape {}", count, shape);
  return out;
}

}  // namespace sonde
