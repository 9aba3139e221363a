/// @file
/// Where a function's parameters meet its data. A derivative with respect to a weight matrix is a
/// product of what entered the layer and of the cotangent of what left it; kept as these two
/// factors it is small, and inner products of such derivatives need never be multiplied out.
///
/// One mechanism for every layer: a run of the function is watched, operation by operation, and
/// wherever a parameter enters a matrix product, a convolution or a table look-up together with
/// data, both factors are taken there. Layers are not known by type, so attention's packed
/// projections, recurrent weights and weights used twice are found like those of nn::Linear.
#pragma once

#include <functional>
#include <vector>

#include "analysis/meeting.hpp"
#include "autograd/transforms.hpp"

namespace sonde {

/// What a function of parameters gives for one item of a batch (without the axis of items): one
/// floating tensor of rank 0 or 1, its outputs.
using ItemFunction = std::function<Var(const Vars& parameters, const Vars& item)>;

/// One weight's uses in a run: the same elements in the same kind of operation, once or often
/// (steps of a recurrent layer), with the positions of all one after the other.
struct Use {
  std::size_t parameter = 0;                                ///< its position among the parameters
  std::int64_t groups = 1, positions = 0, in = 0, out = 0;  ///< as in Meeting
  bool lookup = false;
  std::vector<std::size_t> meetings{};  ///< which of the run's, in order
};

/// The two factors of d output / d weight for items [n] and outputs [o] of each. For a weight
/// [groups, out, in] the derivative is the sum over positions t of cotangent[g, n, o, t, out] times
/// input[g, n, t, in].
struct Factors {
  Tensor input;      ///< [groups, n, positions, in]; of a look-up the index, [1, n, positions]
  Tensor cotangent;  ///< [groups, n, outputs, positions, out]
};

/// How the parameters of a function are used, found by running it on one item.
struct ParameterUses {
  std::vector<Use> uses{};
  /// Parameters that enter in another way (biases, gains, what is added; anything unknown): their
  /// derivatives have to be taken themselves.
  std::vector<std::size_t> others{};
  std::vector<Meeting> meetings{};
  std::int64_t outputs = 0;
};
/// `batch` holds items along the first axis of every tensor, one at least. Parameters at `plain`
/// are to count among the others.
ParameterUses parameter_uses(const ItemFunction& f, const Vars& parameters, const Vars& batch,
                             const std::vector<std::size_t>& plain = {});

/// For all items of a batch, by one pass forward and one backward for each output.
struct Derivatives {
  std::vector<Factors> factors{};  ///< of each use
  Vars others{};                   ///< [n, outputs, *parameter.shape] of each of the others
};
Derivatives derivatives(const ItemFunction& f, const Vars& parameters, const Vars& batch,
                        const ParameterUses& uses);

}  // namespace sonde
