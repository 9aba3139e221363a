/// @file
/// Tensor: strided data. Knows no derivative (that is Var, in autograd/).
#pragma once

#include <initializer_list>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tensor/small_vector.hpp"
#include "tensor/storage.hpp"
#include "tensor/value.hpp"

namespace sonde {

/// What a Tensor handle points to: a storage and how to walk it. Immutable but for the bytes in the
/// storage.
struct TensorData final : Value, Pooled<TensorData> {
  TensorData(const Spec& s, Ref<Storage> st, const Dims& str, std::int64_t off)
      : Value(s, ValueKind::tensor, 0), storage(std::move(st)), strides(str), offset(off) {}
  const Ref<Storage> storage;
  const Dims strides;         ///< in elements; may be 0 (broadcast) or negative (flip)
  const std::int64_t offset;  ///< of the first element, in elements
};

/// Handle of a strided n-dimensional array. Copying a Tensor copies the handle; views share the
/// storage.
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(Ref<TensorData> p) : p_(std::move(p)) {}

  // --- making one
  /// Uninitialised, row-major.
  static Tensor empty(const Dims& shape, DType dtype = DType::f32, Device device = {});
  /// Uninitialised, with the memory order of `like`'s axes (a channels-last tensor gives a
  /// channels-last one).
  static Tensor empty_like(const Tensor& like, DType dtype);
  /// Uninitialised; axes in the memory order `order` (outermost first).
  static Tensor empty_ordered(const Dims& shape, const Dims& order, DType dtype,
                              Device device = {});
  static Tensor full(const Dims& shape, double value, DType dtype = DType::f32, Device device = {});
  static Tensor zeros(const Dims& shape, DType dtype = DType::f32, Device device = {}) {
    return full(shape, 0, dtype, device);
  }
  static Tensor ones(const Dims& shape, DType dtype = DType::f32, Device device = {}) {
    return full(shape, 1, dtype, device);
  }
  /// Rank 0.
  static Tensor scalar(double value, DType dtype = DType::f32, Device device = {}) {
    return full({}, value, dtype, device);
  }
  /// Copies row-major `values`; their number must be numel(shape).
  template <class T>
  static Tensor from(std::span<const T> values, const Dims& shape) {
    return from_bytes(values.data(), values.size(), dtype_of<T>, shape);
  }
  template <class T>
  static Tensor from(std::initializer_list<T> values, const Dims& shape) {
    return from_bytes(values.begin(), values.size(), dtype_of<T>, shape);
  }
  /// start, start + step, ... (n values).
  static Tensor arange(std::int64_t n, DType dtype = DType::i64, double start = 0, double step = 1,
                       Device device = {});
  /// Identity matrix [n,n].
  static Tensor eye(std::int64_t n, DType dtype = DType::f32, Device device = {});

  // --- what it is
  explicit operator bool() const { return static_cast<bool>(p_); }
  const Spec& spec() const { return p_->spec; }
  const Dims& shape() const { return p_->spec.shape; }
  const Dims& strides() const { return p_->strides; }
  std::int64_t offset() const { return p_->offset; }
  int rank() const { return shape().rank(); }
  /// Size along `axis`, which may be negative.
  std::int64_t size(std::int64_t axis) const;
  std::int64_t numel() const { return sonde::numel(shape()); }
  DType dtype() const { return p_->spec.dtype; }
  Device device() const { return p_->spec.device; }
  Storage& storage() const { return *p_->storage; }
  const Ref<TensorData>& ref() const { return p_; }
  /// Row-major without gaps.
  bool is_contiguous() const;
  /// All elements in one block without gaps or overlap, in whatever axis order.
  bool is_dense() const;

  // --- data
  /// Address of element (0, ..., 0).
  std::byte* bytes() const { return p_->storage->data() + p_->offset * size_of(dtype()); }
  /// As a pointer to T; Error(dtype) if T is not the element type, Error(device) if the data is not
  /// the host's.
  template <class T>
  T* data() const {
    if (dtype() != dtype_of<T> || device().type != DeviceType::cpu) no_access(dtype_of<T>);
    return reinterpret_cast<T*>(bytes());
  }
  /// The only element as double; Error(shape) unless numel() == 1. This, `at` and `to_vector` wait
  /// for a device.
  double item() const;
  /// Element at `index` as double; Error(axis) out of range.
  double at(const Dims& index) const;
  /// All elements, row-major, converted to T (one of the eight element types).
  template <class T>
  std::vector<T> to_vector() const;

  // --- views: no copy
  /// Elements start, start+step, ... before stop along `axis`; start and stop as in Python, step !=
  /// 0.
  Tensor slice(std::int64_t axis, std::optional<std::int64_t> start,
               std::optional<std::int64_t> stop, std::int64_t step = 1) const;
  /// Drops `axis` at position `index`.
  Tensor select(std::int64_t axis, std::int64_t index) const;
  Tensor permute(const Dims& axes) const;
  Tensor transpose(std::int64_t a, std::int64_t b) const;
  /// Broadcasts to `shape` with stride 0.
  Tensor expand(const Dims& shape) const;
  Tensor squeeze(std::int64_t axis) const;
  Tensor unsqueeze(std::int64_t axis) const;
  Tensor flip(const Dims& axes) const;
  /// The main diagonal of axes a and b, shifted by `offset`, as a new last axis.
  Tensor diagonal(std::int64_t offset = 0, std::int64_t a = -2, std::int64_t b = -1) const;
  /// A view with this shape if the strides allow one; empty otherwise.
  std::optional<Tensor> try_view(const Dims& shape) const;
  /// Any view of the same storage; the caller answers for the bounds.
  Tensor as_strided(const Dims& shape, const Dims& strides, std::int64_t offset) const;

  // --- copies
  /// Same elements in a new shape (one size may be -1); a view if possible, else a copy.
  Tensor reshape(const Dims& shape) const;
  /// Itself if row-major, else a row-major copy.
  Tensor contiguous() const;
  Tensor clone() const;
  /// Converted elements; itself if the dtype is already right. Float to integer truncates, to bool
  /// is != 0.
  Tensor to(DType dtype) const;
  /// On `device`; itself if it is there. Axes keep their order in memory; a broadcast travels as
  /// what it repeats. To the host waits for the device, any other way does not.
  Tensor to(Device device) const;

  // --- mutation (optimisers, loaders; never inside a transform)
  /// Overwrites all elements with those of `source` (same shape), and bumps the storage's version.
  void copy_from(const Tensor& source);
  /// Pointer for writing; bumps the storage's version.
  template <class T>
  T* mutable_data() {
    p_->storage->bump_version();
    return data<T>();
  }

 private:
  static Tensor from_bytes(const void* values, std::size_t count, DType dtype, const Dims& shape);
  [[noreturn]] void no_access(DType asked) const;
  Ref<TensorData> p_;
};

using Tensors = SmallVector<Tensor, 4>;

/// Shape with one -1 filled in so that it holds `count` elements; Error(shape) if impossible.
Dims resolve_shape(const Dims& shape, std::int64_t count, std::string_view op);

/// As NumPy prints: nested brackets, long axes shortened.
std::string to_string(const Tensor& t, int precision = 4);
std::ostream& operator<<(std::ostream& os, const Tensor& t);

}  // namespace sonde
