/// @file
/// The tangent kernel of a network, Theta(x, x')[a, b] = sum over parameters p of
/// d f_a(x) / d p times d f_b(x') / d p. Jacot, Gabriel, Hongler, "Neural Tangent Kernel", 2018.
/// Methods after Novak, Sohl-Dickstein, Schoenholz, "Fast finite width neural tangent kernel",
/// 2022.
#pragma once

#include <string>
#include <vector>

#include "analysis/linear_map.hpp"
#include "analysis/point.hpp"
#include "analysis/tiles.hpp"

namespace sonde {

/// A network as a function of its parameters and of inputs [n, ...], whose rows do not see each
/// other: outputs [n, outputs], or [n], which counts as one output. So no batch norm in train mode.
using RowFunction = std::function<Var(const Vars& parameters, const Var& inputs)>;
/// The module's outputs for the point's chosen parameters, in eval mode.
RowFunction rows_of(const ParameterPoint& at);

enum class NtkMethod {
  automatic,        ///< the cheapest of those that fit max_memory, by their estimates
  contract,         ///< products of the Jacobians' rows
  vector_products,  ///< rows of one Jacobian as tangents of the other network
  structured,       ///< for each parameter from the factors of its derivative, where that is less
};
std::string to_string(NtkMethod method);

struct NtkOptions {
  NtkMethod method = NtkMethod::automatic;
  /// The sum over a = b of the outputs' kernels, [n, m], instead of all of them, [n, m, a, b].
  bool trace = false;
  /// Of the outputs, these; empty: all.
  std::vector<std::int64_t> outputs{};
  /// Inputs in a tile of the kernel; 0: as many as fit, at most 128. Changes rounding alone.
  std::int64_t tile = 0;
  /// Bytes that a tile's work may take; 0: no limit. The kernel itself comes on top.
  std::int64_t max_memory = 0;
};

/// How the structured method does one parameter.
enum class NtkForm {
  gram,       ///< Gram matrices of what enters the layer and of the cotangents of what leaves it
  gradients,  ///< derivatives multiplied out of these two factors, then contracted
  /// Derivatives by reverse mode, contracted: parameters that do not multiply data as a matrix, a
  /// filter or a table (biases, gains, embeddings of positions), and whatever is not recognised.
  jacobian,
};
std::string to_string(NtkForm form);

/// What a kernel between n and m inputs costs by a method, and by the one that automatic takes.
struct NtkPlan {
  NtkMethod method = NtkMethod::contract;
  std::int64_t tile = 0;
  /// The derivatives of all inputs are kept, and not computed again for each tile: if they fit
  /// beside a tile's work in max_memory or, without a limit, take at most 2 GiB.
  bool keep = false;
  Cost contract{}, vector_products{}, structured{};  ///< flops of all, bytes of one tile
  /// By one of the three; for automatic, by the one that was chosen.
  const Cost& cost(NtkMethod by = NtkMethod::automatic) const;
  /// The structured method's, by parameter; empty if another is forced. Parameters that the
  /// outputs do not depend on are missing.
  std::vector<std::pair<std::string, NtkForm>> forms{};
};
/// The estimate, from one run of the network on one input. Error(shape) unless the network gives
/// [n, outputs] or [n]; Error(axis) for an output that is not there; Error(memory) if no method
/// fits with tiles of one input.
NtkPlan ntk_plan(const RowFunction& f, const Point& at, const Tensor& x1, const Tensor& x2,
                 const NtkOptions& options = {});

/// The kernel between inputs x1 [n, ...] and x2 [m, ...]: [n, m, outputs, outputs], or [n, m] with
/// `trace`, in the parameters' type. Errors as ntk_plan().
Tensor ntk(const RowFunction& f, const Point& at, const Tensor& x1, const Tensor& x2,
           const NtkOptions& options = {});
/// Of inputs with themselves: tiles below the diagonal are those above it, transposed.
Tensor ntk(const RowFunction& f, const Point& at, const Tensor& x, const NtkOptions& options = {});

/// The same by tiles that are kept in a folder: memory holds one, the disk all, and a computation
/// that was interrupted goes on from those that are there. `pause` is called between tiles with the
/// share done and may throw to stop. Error(file), and Error(usage) if the folder holds tiles of
/// another network, other inputs or options.
void ntk(const RowFunction& f, const Point& at, const Tensor& x, TileFolder& folder,
         const NtkOptions& options = {}, const std::function<void(double)>& pause = {});

}  // namespace sonde
