/// @file
/// Derivative: a function's derivative at a point as products with flat vectors, many at once. What
/// the maps of function_maps.hpp and gauss_newton.hpp are made of.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "analysis/count.hpp"
#include "analysis/linear_map.hpp"
#include "analysis/point.hpp"

namespace sonde {

/// Whether a function is recorded once for all products, or run again for each.
enum class Retain {
  automatic,  ///< recorded if the record and a product with one vector fit max_memory
  yes,
  no,
};

struct MapOptions {
  Retain retain = Retain::automatic;
  /// Bytes that the record and the products' intermediate values may take together; 0: no limit.
  std::int64_t max_memory = 0;
};

/// How a derivative is computed.
struct DerivativeRules {
  Function function;  ///< recorded if the derivative is retained
  /// J v and J' u where it is not.
  std::function<Vars(const Vars&)> forward, backward;
};

/// Many vectors are swept through a record on all threads, each thread with one vector at a time:
/// kernels of one product are often too small for all threads, products side by side are not. Where
/// tensors are so small that an operation costs more than its numbers, a sweep takes several
/// vectors as lanes; on a device there is one sweep at a time, with more lanes. What is not
/// recorded is run by the calling thread, as the function may not be made for several.
///
/// A record halves the work: per linear layer and Hessian product 6 matrix products instead of 9
/// and more. It pays from the second product on and costs memory only, so `automatic` asks for
/// memory alone.
class Derivative {
 public:
  /// `count` is that of rules.function at the point. The record itself is made by the first
  /// product.
  Derivative(DerivativeRules rules, const Point& at, FunctionCount count, Space range,
             MapOptions options, std::string name);

  const Space& domain() const { return domain_; }
  const Space& range() const { return range_; }
  const std::string& name() const { return name_; }
  bool retained() const { return retained_; }
  /// The function's value.
  const Vars& out() const { return count_.out; }
  /// J v for the rows of [n, domain().size()], J' u for those of [n, range().size()]. Error(stale)
  /// if the point was modified since.
  Tensor forward(const Tensor& vectors) const;
  Tensor backward(const Tensor& vectors) const;
  /// Of either product: two multiplications for each one of the function, and where nothing is
  /// retained the function itself. Bytes are the function's intermediate values, once for the
  /// record and once for each vector that is under way.
  Cost cost(std::int64_t n) const;

 private:
  std::int64_t fitting(std::int64_t n) const;
  std::int64_t lanes(std::int64_t n) const;
  std::int64_t side_by_side(std::int64_t chunks, std::int64_t lanes) const;
  const Linearization& record() const;
  Vars product(const Vars& vectors, bool forward, bool many) const;
  Tensor in_chunks(const Tensor& vectors, bool forward) const;

  DerivativeRules rules_;
  Vars at_;
  Snapshot snapshot_;
  FunctionCount count_;
  Space domain_, range_;
  MapOptions options_;
  std::string name_;
  bool retained_;
  mutable std::once_flag once_;
  mutable std::unique_ptr<const Linearization> record_;
};

}  // namespace sonde
