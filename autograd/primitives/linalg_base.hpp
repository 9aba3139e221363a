/// @file
/// What the linear-algebra primitives share. Private to autograd/primitives.
#pragma once

#include "autograd/bases.hpp"

namespace sonde::linalg {

/// Sizes of the last two axes; Error(shape, dtype) unless `x` is a float matrix.
std::pair<std::int64_t, std::int64_t> matrix_sizes(const Var& x, std::string_view op);
/// n of a square matrix [.., n, n].
std::int64_t square_size(const Var& x, std::string_view op);
/// The batch axes with `sizes` appended.
Dims batch_with(const Var& x, std::initializer_list<std::int64_t> sizes);
/// Uninitialised; each matrix lies by columns.
Tensor by_columns(const Spec& spec);

Var mt(const Var& x);                           ///< matrix transpose
Var symmetric_part(const Var& x);               ///< (x + x') / 2
Var diagonal_of(const Var& x);                  ///< [.., n, n] -> [.., n]
Var times_columns(const Var& x, const Var& d);  ///< x diag(d)
Var times_rows(const Var& d, const Var& x);     ///< diag(d) x
/// x with everything above (lower) or below the diagonal set to 0, and the diagonal scaled.
Var lower_part(const Var& x, double diagonal = 1);
Var upper_part(const Var& x, double diagonal = 1);
Var add_if(Var a, Var b);  ///< sum of two terms, either of which may be empty

/// A primitive of matrices whose lanes are one more batch axis: all inputs have the same batch
/// axes.
class MatrixPrimitive : public Primitive {
 public:
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override;
};

}  // namespace sonde::linalg
