/// @file
/// The sum of the exponentials of a row, without overflow: what softmax and cross-entropy are made
/// of.
#pragma once

#include <limits>

#include "tensor/cuda/rows.hpp"

namespace sonde::cuda {

/// sum = sum of exp(x - largest). NaN where no element is above -inf, as for the definition.
template <class T>
struct RowExponentials {
  T largest, sum;
  __device__ T logsumexp() const { return largest + log(sum); }
};

/// In all threads of the team. A row in memory is read once: each thread keeps its sum beside its
/// largest element so far and scales it when that grows (M. Milakov, N. Gimelshein, "Online
/// normalizer calculation for softmax", 2018).
template <class Row>
__device__ RowExponentials<typename Row::T> row_exponentials(const Row& row) {
  using T = typename Row::T;
  if constexpr (Row::held) {
    const T top = row.max();
    return {top, row.sum([top](auto, T x) { return exp(x - top); })};
  } else {
    constexpr T lowest = -std::numeric_limits<T>::infinity();
    auto finite = [](T top) { return top == lowest ? T(0) : top; };  // -inf - -inf is no number
    T top = lowest, sum = 0;
    row.vectors([&](auto i, const WidePack<T>& x) {
      T larger = top, part = 0;
#pragma unroll
      for (int j = 0; j < widest<T>; ++j)
        if (i + j < row.size()) larger = fmax(larger, x.v[j]);
      const T shift = finite(larger);
#pragma unroll
      for (int j = 0; j < widest<T>; ++j)
        if (i + j < row.size()) part += exp(x.v[j] - shift);
      sum = sum * exp(top - shift) + part;
      top = larger;
    });
    const T all = Row::Team::reduce(top, Larger());
    sum = Row::Team::reduce(sum * exp(top - finite(all)), Plus());
    return {all, all == lowest ? std::numeric_limits<T>::quiet_NaN() : sum};
  }
}

}  // namespace sonde::cuda
