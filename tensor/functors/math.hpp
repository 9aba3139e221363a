/// @file
/// Functions of floats that <cmath> has, as functors. Special values as in C.
#pragma once

#include <cmath>

#include "tensor/functors/host_device.hpp"

namespace sonde::functors {

struct Sqrt {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return std::sqrt(x);
  }
};
struct Rsqrt {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return T(1) / std::sqrt(x);
  }
};
struct Reciprocal {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return T(1) / x;
  }
};
struct Floor {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return std::floor(x);
  }
};
struct Ceil {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return std::ceil(x);
  }
};
/// Ties to even.
struct Round {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return std::nearbyint(x);
  }
};
struct Trunc {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return std::trunc(x);
  }
};

struct Exp {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return std::exp(x);
  }
};
struct Expm1 {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return std::expm1(x);
  }
};
struct Log {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return std::log(x);
  }
};
struct Log1p {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return std::log1p(x);
  }
};

struct Sin {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return std::sin(x);
  }
};
struct Cos {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return std::cos(x);
  }
};
struct Tan {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return std::tan(x);
  }
};
struct Sinh {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return std::sinh(x);
  }
};
struct Cosh {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return std::cosh(x);
  }
};
struct Asin {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return std::asin(x);
  }
};
struct Acos {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return std::acos(x);
  }
};
struct Atan {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return std::atan(x);
  }
};
struct Atan2 {
  template <class T>
  SONDE_HD T operator()(T y, T x) const {
    return std::atan2(y, x);
  }
};

struct Erf {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return std::erf(x);
  }
};
struct Erfc {
  template <class T>
  SONDE_HD T operator()(T x) const {
    return std::erfc(x);
  }
};

}  // namespace sonde::functors
