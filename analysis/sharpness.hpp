/// @file
/// Sharpness: what a loss, or the outputs, change by when the parameters are disturbed. Everything
/// is measured on functions at a Point, such as ParameterPoint::function(), which calls its module
/// in eval mode (batch norms keep their statistics, dropout is off) and leaves parameters and
/// buffers as they are. Parameters that shall not move are left out of the point, by its pattern or
/// by freezing them.
#pragma once

#include <optional>

#include "analysis/estimate.hpp"
#include "analysis/point.hpp"

namespace sonde {

enum class NoiseLaw {
  gaussian,  ///< independent normal elements
  sphere,    ///< uniform on a sphere in the space of the whole point
};

/// The unit that a tensor's noise is measured in.
enum class NoiseUnit {
  one,      ///< absolute
  tensor,   ///< the root mean square of the tensor
  element,  ///< the element's own magnitude (Kwon, Kim, Park, Choi, "ASAM", 2021, arXiv:2102.11600)
};

struct ParameterNoise {
  NoiseLaw law = NoiseLaw::gaussian;
  /// In units of `unit`: the standard deviation of each element, or the radius of the sphere.
  double size = 0.05;
  NoiseUnit unit = NoiseUnit::one;
  std::int64_t draws = 50;
  philox::Key key{};
};

/// The point with draw `draw` of the noise: x + size u z for normal z, or x + size u z / |z| for
/// the sphere, with the units u; z is the random_direction() of fold_in(key, draw). Error(value) on
/// a size or a number of draws out of range.
Vars with_noise(const Point& at, const ParameterNoise& noise, std::int64_t draw);

/// E[L(x + Delta)] - L(x) over draws. For a small Gaussian this is size^2 tr(H) / 2, and on a
/// sphere size^2 tr(H) / (2 p), with the Hessian H with respect to p numbers. (Hahn and Rofin,
/// arXiv:2402.09963, measure the former; their theory is about the latter, with the square of the
/// outputs' change as loss.) Error(shape) unless the loss is a scalar; errors as with_noise().
Estimate loss_sharpness(const Function& loss, const Point& at, const ParameterNoise& noise);

/// Means over inputs and draws of what the outputs of one input change by.
struct OutputSharpness {
  Estimate absolute;  ///< sum of magnitudes (sharp1 of Vasudeva et al., arXiv:2403.06925)
  Estimate squared;   ///< sum of squares (the theory of Hahn and Rofin, arXiv:2402.09963)
  std::optional<Estimate> flips;  ///< other predictions() (sharp2); of outputs [n, classes > 1]
};
/// Outputs are [n, ...]; Error(shape) otherwise. Errors as with_noise().
OutputSharpness output_sharpness(const Function& outputs, const Point& at,
                                 const ParameterNoise& noise);

/// One step of steepest ascent.
struct Ascent {
  double before = 0, after = 0;  ///< the loss at x and at x + step
  Vars step;                     ///< one for each tensor of the point
  /// after - before: the sharpness that SAM penalises.
  double rise() const { return after - before; }
};
/// SAM's step, for which the linearised loss rises most among all with |step / u| = rho:
/// rho u^2 g / |u g| with the gradient g and the units u (Foret, Kleiner, Mobahi, Neyshabur, 2020,
/// arXiv:2010.01412; with units ASAM). Error(shape) unless the loss is a scalar; Error(numeric) if
/// the gradient is zero; Error(value) on a negative rho.
Ascent sam_ascent(const Function& loss, const Point& at, double rho,
                  NoiseUnit unit = NoiseUnit::one);

}  // namespace sonde
