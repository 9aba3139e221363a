/// @file
/// Dims: up to eight sizes (or strides, or axes), stored inline.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "tensor/checked.hpp"

namespace sonde {

inline constexpr int max_rank = 8;

/// A short list of integers: a shape, strides, or a list of axes. Never allocates.
class Dims {
 public:
  Dims() = default;
  Dims(std::initializer_list<std::int64_t> values) {
    for (std::int64_t v : values) push_back(v);
  }
  explicit Dims(std::span<const std::int64_t> values) {
    for (std::int64_t v : values) push_back(v);
  }
  /// `rank` copies of `value`.
  static Dims filled(int rank, std::int64_t value) {
    Dims d;
    for (int i = 0; i < rank; ++i) d.push_back(value);
    return d;
  }

  int rank() const { return rank_; }
  bool empty() const { return rank_ == 0; }
  std::int64_t operator[](int i) const { return v_[static_cast<std::size_t>(i)]; }
  std::int64_t& operator[](int i) { return v_[static_cast<std::size_t>(i)]; }
  std::int64_t back() const { return v_[rank_ - 1u]; }
  const std::int64_t* begin() const { return v_.data(); }
  const std::int64_t* end() const { return v_.data() + rank_; }
  std::int64_t* begin() { return v_.data(); }
  std::int64_t* end() { return v_.data() + rank_; }
  operator std::span<const std::int64_t>() const { return {v_.data(), rank_}; }

  void push_back(std::int64_t value) { insert(rank_, value); }
  /// Inserts `value` before position `i`; Error(shape) beyond rank 8.
  void insert(int i, std::int64_t value) {
    if (rank_ == max_rank) fail(ErrorCode::shape, "dims", "more than {} dimensions", max_rank);
    for (int k = rank_; k > i; --k) (*this)[k] = (*this)[k - 1];
    ++rank_;
    (*this)[i] = value;
  }
  void erase(int i) {
    for (int k = i; k + 1 < rank_; ++k) (*this)[k] = (*this)[k + 1];
    --rank_;
  }

  friend bool operator==(const Dims& a, const Dims& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i)
      if (a[i] != b[i]) return false;
    return true;
  }

 private:
  std::array<std::int64_t, max_rank> v_{};
  std::uint8_t rank_ = 0;
};

/// Product of the sizes (1 for rank 0); Error(size) on overflow, Error(value) on a negative size.
std::int64_t numel(const Dims& shape);
/// Row-major strides in elements.
Dims contiguous_strides(const Dims& shape);
/// NumPy's rule: align at the right, sizes equal or 1. Error(broadcast) naming `op` and both
/// shapes.
Dims broadcast_shapes(const Dims& a, const Dims& b, std::string_view op);
/// Maps an axis in [-rank, rank) to [0, rank); Error(axis) otherwise.
int normal_axis(std::int64_t axis, int rank, std::string_view op);
/// Every axis normalised; Error(axis) on a repeated one. An empty list means all axes if
/// `empty_is_all`.
Dims normal_axes(const Dims& axes, int rank, std::string_view op, bool empty_is_all = true);
/// "[2,3]"
std::string to_string(const Dims& dims);

}  // namespace sonde

template <>
struct fmt::formatter<sonde::Dims> : fmt::formatter<std::string> {
  auto format(const sonde::Dims& d, fmt::format_context& ctx) const {
    return fmt::formatter<std::string>::format(sonde::to_string(d), ctx);
  }
};
