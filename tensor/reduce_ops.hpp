/// @file
/// The rules of reductions, shared by the backends. A rule has the type it adds up in (Total), the
/// type in which a block of elements meets (Lane), an identity and a way to combine two; it reduces
/// the elements' values, or whether they differ from zero.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

namespace sonde::reduce_ops {

struct OfValues {
  template <class Lane, class T>
  static constexpr Lane lift(T x) {
    return static_cast<Lane>(x);
  }
};
struct OfTruth {
  template <class T>
  using Total = std::uint8_t;
  template <class T>
  using Lane = std::uint8_t;
  template <class Lane, class T>
  static constexpr Lane lift(T x) {
    return x != T(0);
  }
};

struct Sum : OfValues {
  template <class T>
  using Total = std::conditional_t<std::is_floating_point_v<T>, double, std::int64_t>;
  template <class T>
  using Lane = std::conditional_t<std::is_floating_point_v<T>, T, std::int64_t>;
  template <class T>
  static constexpr T identity = T(0);
  template <class T>
  static constexpr T combine(T a, T b) {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
    else
      return a + b;
  }
};

// Every factor in the wide type: a product of eight may leave the range of T where the whole does
// not.
struct Prod : OfValues {
  template <class T>
  using Total = Sum::Total<T>;
  template <class T>
  using Lane = Total<T>;
  template <class T>
  static constexpr T identity = T(1);
  template <class T>
  static constexpr T combine(T a, T b) {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
    else
      return a * b;
  }
};

template <class T>
constexpr T lowest() {
  if constexpr (std::is_floating_point_v<T>)
    return -std::numeric_limits<T>::infinity();
  else
    return std::numeric_limits<T>::lowest();
}
template <class T>
constexpr T highest() {
  if constexpr (std::is_floating_point_v<T>)
    return std::numeric_limits<T>::infinity();
  else
    return std::numeric_limits<T>::max();
}

// a != a holds for NaN only, so that a NaN on either side stays. Two plain choices: the compiler
// makes vectors of them.
struct Max : OfValues {
  template <class T>
  using Total = T;
  template <class T>
  using Lane = T;
  template <class T>
  static constexpr T identity = lowest<T>();
  template <class T>
  static constexpr T combine(T a, T b) {
    const T larger = a > b ? a : b;
    return a != a ? a : larger;
  }
};
struct Min : OfValues {
  template <class T>
  using Total = T;
  template <class T>
  using Lane = T;
  template <class T>
  static constexpr T identity = highest<T>();
  template <class T>
  static constexpr T combine(T a, T b) {
    const T smaller = a < b ? a : b;
    return a != a ? a : smaller;
  }
};

struct Any : OfTruth {
  template <class T>
  static constexpr T identity = T(0);
  template <class T>
  static constexpr T combine(T a, T b) {
    return a | b;
  }
};
struct All : OfTruth {
  template <class T>
  static constexpr T identity = T(1);
  template <class T>
  static constexpr T combine(T a, T b) {
    return a & b;
  }
};

// Positions of extremes: does x beat the best so far? Any value beats nothing, NaN beats all but
// NaN, ties do not count.
struct Greater {
  template <class T>
  constexpr bool operator()(T x, T best) const {
    return x > best || (x != x && best == best);
  }
};
struct Less {
  template <class T>
  constexpr bool operator()(T x, T best) const {
    return x < best || (x != x && best == best);
  }
};

/// Of `n` numbers: their mean and the sum of squared deviations from it. Sets are joined by
///   m2 = m2_a + m2_b + d^2 n_a n_b / (n_a + n_b),  d = mean_b - mean_a
/// (Chan, Golub, LeVeque 1983).
struct Moments {
  double n, mean, m2;

  constexpr void join(const Moments& b) {
    const double both = n + b.n, d = b.mean - mean;
    if (b.n == 0) return;
    m2 += b.m2 + d * d * n * b.n / both;
    mean += d * b.n / both;
    n = both;
  }
};

}  // namespace sonde::reduce_ops
