/// @file
/// Arithmetic on floats and integers. Integers compute modulo 2^bits.
#pragma once

#include <cmath>
#include <type_traits>

#include "tensor/functors/host_device.hpp"

namespace sonde::functors {

/// What a number wraps around in: an integer as unsigned, a float as itself.
template <class T>
SONDE_HD constexpr auto wrapping(T x) {
  if constexpr (std::is_floating_point_v<T>)
    return x;
  else
    return static_cast<std::make_unsigned_t<T>>(x);
}

/// Also of unsigned integers, of which compilers call x < 0 pointless.
template <class T>
SONDE_HD constexpr bool is_negative(T x) {
  if constexpr (std::is_unsigned_v<T>)
    return false;
  else
    return x < T(0);
}

struct Neg {
  template <class T>
  SONDE_HD T operator()(T x) const {
    if constexpr (std::is_floating_point_v<T>)
      return -x;  // 0 - x would lose the sign of zero
    else
      return static_cast<T>(0 - wrapping(x));
  }
};
struct Abs {
  template <class T>
  SONDE_HD T operator()(T x) const {
    if constexpr (std::is_floating_point_v<T>)
      return std::fabs(x);
    else
      return static_cast<T>(is_negative(x) ? 0 - wrapping(x) : wrapping(x));
  }
};
/// NaN gives 0.
struct Sign {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return static_cast<T>((x > T(0)) - is_negative(x));
  }
};
struct Square {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return static_cast<T>(wrapping(x) * wrapping(x));
  }
};

struct Add {
  template <class T>
  SONDE_HD T operator()(T a, T b) const {
    return static_cast<T>(wrapping(a) + wrapping(b));
  }
};
struct Sub {
  template <class T>
  SONDE_HD T operator()(T a, T b) const {
    return static_cast<T>(wrapping(a) - wrapping(b));
  }
};
struct Mul {
  template <class T>
  SONDE_HD T operator()(T a, T b) const {
    return static_cast<T>(wrapping(a) * wrapping(b));
  }
};
/// Floats only.
struct Div {
  template <class T>
  SONDE_HD T operator()(T a, T b) const {
    return a / b;
  }
};

/// A NaN in either operand is the result.
struct Maximum {
  template <class T>
  SONDE_HD T operator()(T a, T b) const {
    return a > b || a != a ? a : b;
  }
};
struct Minimum {
  template <class T>
  SONDE_HD T operator()(T a, T b) const {
    return a < b || a != a ? a : b;
  }
};

struct Pow {
  template <class T>
  SONDE_HD T operator()(T base, T exponent) const {
    if constexpr (std::is_floating_point_v<T>)
      return std::pow(base, exponent);
    else
      return integer(base, exponent);
  }

 private:
  // By repeated squaring, modulo 2^bits. Negative exponents leave 1, -1 or 0.
  template <class T>
  SONDE_HD static T integer(T base, T exponent) {
    if (is_negative(exponent))
      return static_cast<T>(base == T(1) ? 1 : base != T(-1) ? 0 : exponent % 2 == 0 ? 1 : -1);
    std::make_unsigned_t<T> power = 1, factor = static_cast<std::make_unsigned_t<T>>(base);
    for (; exponent != 0; exponent = static_cast<T>(exponent / 2), factor *= factor)
      if (exponent % 2 != 0) power *= factor;
    return static_cast<T>(power);
  }
};

/// The sign of the first operand; an integer modulo 0 is 0.
struct Fmod {
  template <class T>
  SONDE_HD T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>)
      return std::fmod(a, b);
    else if constexpr (std::is_signed_v<T>)
      return b == 0 || b == -1 ? T(0) : static_cast<T>(a % b);  // a % -1 may overflow
    else
      return b == 0 ? T(0) : static_cast<T>(a % b);
  }
};
/// The sign of the second operand.
struct Remainder {
  template <class T>
  SONDE_HD T operator()(T a, T b) const {
    const T r = Fmod()(a, b);
    return r != T(0) && is_negative(r) != is_negative(b) ? static_cast<T>(r + b) : r;
  }
};

}  // namespace sonde::functors
