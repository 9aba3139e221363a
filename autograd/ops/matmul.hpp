/// @file
/// Products of matrices and vectors, and einsum. Operand types meet as in arithmetic.
#pragma once

#include <string_view>

#include "autograd/primitive.hpp"

namespace sonde {

/// Which operands are stored transposed: op(a) is [..., m, k] and op(b) [..., k, n], as in BLAS. No
/// data moves.
struct Transposed {
  bool a = false, b = false;
};

/// op(a) op(b) over the last two axes; the axes before them broadcast. A vector (rank 1) is a row
/// on the left, a column on the right, and its axis is missing in the result. Inner size 0 gives
/// zeros. Error(shape, dtype, broadcast).
Var matmul(Operand a, Operand b, Transposed stored = {});
/// x w' + b for x [..., in], w [out, in] and b [out] (or empty): [..., out]. Error(shape).
Var linear(Operand x, Operand w, Var b = {});
/// Sum of a[i] b[i] of two vectors; rank 0.
Var dot(Operand a, Operand b);
/// a[i] b[j] of two vectors.
Var outer(Operand a, Operand b);

/// Einstein's summation, "bij,bjk->bik": one group of letters per operand, "..." for leading axes
/// that broadcast. A letter that is missing on the right is summed over; one that stands twice in
/// an operand walks its diagonal. Without
/// "->", the result has the letters that stand once, in alphabetical order. Products are taken from
/// left to right. Error(value) for a malformed equation, Error(shape) for sizes that differ.
Var einsum(std::string_view equation, const Vars& operands,
           std::source_location where = std::source_location::current());

}  // namespace sonde
