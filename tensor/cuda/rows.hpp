/// @file
/// Rows of neighbouring elements for kernels that go over a row more than once: sums, then results.
/// A row of up to some thousand elements is read once and held in registers, by a thread, a few
/// lanes, a warp or a block; a longer one is read again each time, from the L2 cache where it fits.
#pragma once

#include <limits>
#include <type_traits>

#include "tensor/cuda/block_reduce.hpp"
#include "tensor/cuda/launch.hpp"
#include "tensor/cuda/row_packs.hpp"

namespace sonde::cuda {

/// The beginnings of one row in each input. `wide`: all rows may be read in packs.
template <class T, int inputs>
struct RowSource {
  const T* at[inputs];
  std::int64_t size;
  bool wide;
};

/// What one thread of a team does with its part of a row, by `vectors` of Row, which calls
/// f(i, vector of each input...) for vectors that begin at element i. Functions of elements get
/// (i, element of each input...).
template <class Row, class E, class TeamOfRow>
class RowOperations {
 public:
  using T = E;
  using Team = TeamOfRow;

  template <class F>
  __device__ void each(F f) const {
    self().vectors([&](auto i, const auto&... v) {
#pragma unroll
      for (int j = 0; j < widest<T>; ++j)
        if (i + j < self().size()) f(i + j, v.v[j]...);
    });
  }
  /// Sum of f over the row, in all threads: a tree over each vector, the vectors of a thread in
  /// order, a tree over threads.
  template <class F>
  __device__ T sum(F f) const {
    T total = 0;
    self().vectors([&](auto i, const auto&... v) {
      T part[widest<T>];
#pragma unroll
      for (int j = 0; j < widest<T>; ++j)
        part[j] = i + j < self().size() ? f(i + j, v.v[j]...) : T(0);
      total += fold<widest<T>>(part, Plus());
    });
    return Team::reduce(total, Plus());
  }
  /// Largest element in all threads; NaN is passed over.
  __device__ T max() const {
    T top = -std::numeric_limits<T>::infinity();
    each([&](auto, T x) { top = fmax(top, x); });
    return Team::reduce(top, Larger());
  }
  /// out[i] = f(i, ...)
  template <class F>
  __device__ void write(T* out, F f) const {
    self().vectors([&](auto i, const auto&... v) {
      WidePack<T> y{};
#pragma unroll
      for (int j = 0; j < widest<T>; ++j)
        if (i + j < self().size()) y.v[j] = f(i + j, v.v[j]...);
      store_part(y, out, i, self().size(), self().wide());
    });
  }

 private:
  __device__ const Row& self() const {
    return static_cast<const Row&>(*this);
  }
};

/// In registers: `count` vectors of each input for each thread.
template <class E, class TeamOfRow, int inputs, int count>
class HeldRow : public RowOperations<HeldRow<E, TeamOfRow, inputs, count>, E, TeamOfRow> {
 public:
  static constexpr std::int64_t capacity = TeamOfRow::size * count * widest<E>;
  static constexpr bool held = true;

  __device__ explicit HeldRow(const RowSource<E, inputs>& from)
      : size_(static_cast<int>(from.size)), wide_(from.wide) {
#pragma unroll
    for (int k = 0; k < count; ++k)
#pragma unroll
      for (int input = 0; input < inputs; ++input)
        part_[input][k] = load_part(from.at[input], begin(k), size_, wide_);
  }
  __device__ int size() const {
    return size_;
  }
  __device__ bool wide() const {
    return wide_;
  }
  template <class F>
  __device__ void vectors(F f) const {
#pragma unroll
    for (int k = 0; k < count; ++k)
      if (begin(k) < size_) {
        if constexpr (inputs == 1)
          f(begin(k), part_[0][k]);
        else
          f(begin(k), part_[0][k], part_[1][k]);
      }
  }

 private:
  static __device__ int begin(int k) {
    return (k * TeamOfRow::size + TeamOfRow::rank()) * widest<E>;
  }
  WidePack<E> part_[inputs][count];
  int size_;
  bool wide_;
};

/// In memory.
template <class E, class TeamOfRow, int inputs>
class ReadRow : public RowOperations<ReadRow<E, TeamOfRow, inputs>, E, TeamOfRow> {
 public:
  static constexpr bool held = false;

  __device__ explicit ReadRow(const RowSource<E, inputs>& from) : from_(from) {}
  __device__ std::int64_t size() const { return from_.size; }
  __device__ bool wide() const { return from_.wide; }
  template <class F>
  __device__ void vectors(F f) const {
    constexpr int step = TeamOfRow::size * widest<E>;
#pragma unroll 4
    for (std::int64_t i = TeamOfRow::rank() * widest<E>; i < size(); i += step) {
      const auto first = load_part(from_.at[0], i, size(), wide());
      if constexpr (inputs == 1)
        f(i, first);
      else
        f(i, first, load_part(from_.at[1], i, size(), wide()));
    }
  }

 private:
  RowSource<E, inputs> from_;
};

/// Calls f(std::type_identity<kind of row>, grid) with the kind that suits rows of this size.
template <class T, int inputs, class F>
void choose_row(std::int64_t rows, std::int64_t size, F f) {
  using Tiny = HeldRow<T, LaneTeam<1>, inputs, 4>;
  using Short = HeldRow<T, LaneTeam<8>, inputs, 2>;
  using Middle = HeldRow<T, LaneTeam<warp_lanes>, inputs, 8>;
  using Long = HeldRow<T, BlockTeam<256>, inputs, 8>;
  if (size <= Tiny::capacity)
    f(std::type_identity<Tiny>(), grid_over(rows));
  else if (size <= Short::capacity)
    f(std::type_identity<Short>(), grid_over(rows * 8));
  else if (size <= Middle::capacity)
    f(std::type_identity<Middle>(), grid_over(rows * warp_lanes));
  else if (size <= Long::capacity)
    f(std::type_identity<Long>(), grid_over(rows * 256));
  else
    f(std::type_identity<ReadRow<T, BlockTeam<512>, inputs>>(), grid_over(rows * 512, 512));
}

}  // namespace sonde::cuda
