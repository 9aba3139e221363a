/// @file
/// Slices of a loss around a point, along given directions or random ones that are scaled filter by
/// filter. Li, Xu, Taylor, Studer, Goldstein, "Visualizing the loss landscape of neural nets",
/// 2018, arXiv:1712.09913.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "analysis/point.hpp"

namespace sonde {

/// L(x). Error(shape) unless the loss is a scalar.
double loss_at(const Function& loss, const Vars& x);

/// A normal random direction, one tensor for each of the point: tensor i is that of fold_in(key,
/// i).
Vars random_direction(const Point& at, philox::Key key);

/// The direction with each filter (a slice of the first axis) rescaled to the norm of the point's,
/// so that slices of different networks compare. Tensors of rank 0 and 1 (biases, weights of norms)
/// become 0. A zero filter stays. Error(shape) unless the direction has the point's shapes.
Vars filter_normalised(const Point& at, const Vars& direction);

/// `count` numbers from low to high in equal steps; an odd count holds the middle exactly.
/// Error(value) unless count >= 2 and low < high.
std::vector<double> steps(double low, double high, std::int64_t count);

/// L(x + u d) for each u. Error(shape) unless the direction has the point's shapes and the loss is
/// a scalar. `pause` is called after each value with the share done and may throw to stop.
std::vector<double> loss_along(const Function& loss, const Point& at, const Vars& direction,
                               std::span<const double> u,
                               const std::function<void(double share)>& pause = {});

/// L(x + u d + v e) for each u and v, f64 [u, v]. Errors as loss_along().
Tensor loss_surface(const Function& loss, const Point& at, const Vars& d, const Vars& e,
                    std::span<const double> u, std::span<const double> v,
                    const std::function<void(double share)>& pause = {});

}  // namespace sonde
