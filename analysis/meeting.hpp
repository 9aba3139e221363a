/// @file
/// Meeting: one operation in a run in which a weight meets data, and the two factors of a
/// derivative with respect to that weight.
#pragma once

#include <optional>

#include "autograd/attributes.hpp"
#include "autograd/primitive.hpp"

namespace sonde {

/// An operation that is linear in a weight [groups, out, in]: at each of `positions` places of an
/// item it takes `in` numbers to `out` numbers (most have one group).
struct Meeting {
  enum class Kind { product, convolution, lookup };
  Kind kind = Kind::product;
  std::size_t parameter = 0;  ///< position among the function's parameters
  Tensor view{};              ///< the parameter, or the part of it that enters
  std::int64_t groups = 1, positions = 0, in = 0, out = 0;  ///< in: rows of the table looked up
  bool weight_left = false;                                 ///< of a product: weight times data
  bool data_transposed = false;    ///< of a product: positions lie along the data's last axis
  bool weight_transposed = false;  ///< of a product: the weight is stored [in, out]
  ConvAttrs attributes{};          ///< of a convolution
  Dims shape{};                    ///< of what leaves, for one item
};

/// The meeting of a weight `view` at operand `side` of `p` with `data` at the other, which gives
/// `out`; none if the operation is no such one.
std::optional<Meeting> meeting_of(const Primitive& p, std::size_t side, const Tensor& view,
                                  const Var& data, const Var& out);
/// Do both take the same elements in the same places? Then their positions lie side by side.
bool same_use(const Meeting& a, const Meeting& b);

/// From the data of n items, [n, *data]: [groups, n, positions, in]; of a look-up the index,
/// [1, n, positions].
Tensor input_factor(const Meeting& m, const Tensor& data);
/// From cotangents [n, outputs, *m.shape]: [groups, n, outputs, positions, out].
Tensor cotangent_factor(const Meeting& m, const Tensor& cotangents);

}  // namespace sonde
