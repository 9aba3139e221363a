/// @file
/// LinearMap: a matrix known by its products with vectors, the one currency of analysis/.
/// Jacobians, Hessians, Gauss-Newton matrices, tangent kernels and their sums, products and blocks
/// are LinearMaps; eigenvalues, traces, norms and solutions are computed of any LinearMap.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "analysis/space.hpp"

namespace sonde {

/// What a product costs, estimated before it is computed.
struct Cost {
  double flops = 0;  ///< floating-point operations, a multiplication and an addition counted as two
  double bytes = 0;  ///< of memory at its peak, beside operand and result
};

/// A linear map between Spaces. A handle: copies share one rule. Vectors are rows: many at once are
/// a matrix [n, size].
class LinearMap {
 public:
  /// What a kind of map states. Const and free of side effects: the same vectors give the same
  /// bits.
  class Rule {
   public:
    virtual ~Rule() = default;
    virtual const Space& domain() const = 0;
    virtual const Space& range() const = 0;
    /// A v for every row v of [n, domain().size()], n >= 1; gives [n, range().size()].
    virtual Tensor apply(const Tensor& vectors) const = 0;
    /// A' u for every row u of [n, range().size()].
    virtual Tensor transpose(const Tensor& vectors) const = 0;
    /// Whether A = A'. What claims it is checked where eigenvalues are asked for.
    virtual bool symmetric() const { return false; }
    /// Of a product with n vectors.
    virtual Cost cost(std::int64_t n) const = 0;
    /// What messages call it: "hessian".
    virtual std::string name() const = 0;
  };

  explicit LinearMap(std::shared_ptr<const Rule> rule);

  const Space& domain() const { return rule_->domain(); }
  const Space& range() const { return rule_->range(); }
  bool symmetric() const { return rule_->symmetric(); }
  std::string name() const { return rule_->name(); }
  /// Of a product with n vectors.
  Cost cost(std::int64_t n = 1) const { return rule_->cost(n); }

  /// A v for v [domain().size()]. Error(shape, dtype); Error(numeric) if the product holds a NaN or
  /// an infinity where v does not, naming the map and the block.
  Tensor apply(const Tensor& v) const;
  /// A' u for u [range().size()]; errors as apply().
  Tensor transpose(const Tensor& u) const;
  /// The same for the rows of a matrix, in one go and not by a loop.
  Tensor apply_batch(const Tensor& vectors) const;
  Tensor transpose_batch(const Tensor& vectors) const;

  /// The rows and columns of the blocks whose names match. Error(names) if none does.
  LinearMap restricted(std::string_view range_pattern, std::string_view domain_pattern) const;
  /// Both at once: a diagonal part; symmetric if the map is.
  LinearMap restricted(std::string_view pattern) const { return restricted(pattern, pattern); }
  /// A'.
  LinearMap transposed() const;

 private:
  std::shared_ptr<const Rule> rule_;
};

/// Sums and differences of maps between the same Spaces; Error(shape) otherwise.
LinearMap operator+(const LinearMap& a, const LinearMap& b);
LinearMap operator-(const LinearMap& a, const LinearMap& b);
LinearMap operator*(double factor, const LinearMap& a);
/// a after b. Error(shape) unless b's range is a's domain.
LinearMap operator*(const LinearMap& a, const LinearMap& b);

/// The map of a matrix [range.size(), domain.size()]. Symmetric if the matrix is, to the last bit.
LinearMap matrix_map(const Tensor& matrix, Space range, Space domain);
/// The same between flat Spaces.
LinearMap matrix_map(const Tensor& matrix);
LinearMap identity_map(Space space);

struct DenseOptions {
  /// Bytes that the matrix and the products on the way may take together; 0: no limit.
  std::int64_t max_memory = 0;
  /// Columns computed at a time; 0: as many as fit, at most 256. Changes no result beyond rounding.
  std::int64_t chunk = 0;
};
/// What dense() would cost, with nothing computed. `chunk` 0 is resolved as there.
Cost dense_cost(const LinearMap& map, DenseOptions options = {});
/// The matrix [range.size(), domain.size()], by products with unit vectors, on whichever side has
/// fewer. Error(memory) before anything is allocated if it does not fit, naming what would: a
/// chunk, or blocks.
Tensor dense(const LinearMap& map, DenseOptions options = {});

}  // namespace sonde
