/// @file
/// Comparisons, logic and choice, for floats, integers and bool.
#pragma once

#include <cmath>
#include <limits>

#include "tensor/functors/host_device.hpp"

namespace sonde::functors {

struct Eq {
  template <class T>
  SONDE_HD bool operator()(T a, T b) const {
    return a == b;
  }
};
struct Ne {
  template <class T>
  SONDE_HD bool operator()(T a, T b) const {
    return a != b;
  }
};
struct Lt {
  template <class T>
  SONDE_HD bool operator()(T a, T b) const {
    return a < b;
  }
};
struct Le {
  template <class T>
  SONDE_HD bool operator()(T a, T b) const {
    return a <= b;
  }
};
struct Gt {
  template <class T>
  SONDE_HD bool operator()(T a, T b) const {
    return a > b;
  }
};
struct Ge {
  template <class T>
  SONDE_HD bool operator()(T a, T b) const {
    return a >= b;
  }
};

struct LogicalNot {
  template <class T>
  SONDE_HD bool operator()(T x) const {
    return x == T(0);
  }
};
struct LogicalAnd {
  template <class T>
  SONDE_HD bool operator()(T a, T b) const {
    return (a != T(0)) & (b != T(0));
  }
};
struct LogicalOr {
  template <class T>
  SONDE_HD bool operator()(T a, T b) const {
    return (a != T(0)) | (b != T(0));
  }
};
struct LogicalXor {
  template <class T>
  SONDE_HD bool operator()(T a, T b) const {
    return (a != T(0)) != (b != T(0));
  }
};

// Floats only.
struct IsNan {
  template <class T>
  SONDE_HD bool operator()(T x) const {
    return x != x;
  }
};
struct IsInf {
  template <class T>
  SONDE_HD bool operator()(T x) const {
    return std::fabs(x) == std::numeric_limits<T>::infinity();
  }
};
struct IsFinite {
  template <class T>
  SONDE_HD bool operator()(T x) const {
    return std::fabs(x) <= std::numeric_limits<T>::max();
  }
};

struct Where {
  template <class T>
  SONDE_HD T operator()(bool condition, T a, T b) const {
    return condition ? a : b;
  }
};

}  // namespace sonde::functors
