/// @file
/// Jacobians and Hessians of functions as LinearMaps.
///
/// A map is made by one run of the function, which counts its work and finds what cannot be
/// differentiated; the record that makes products cheap is made by the first product. Maps know the
/// tensors of their point: one that was written to since (a step of an optimiser) is an
/// Error(stale) at the next product, not a wrong number. So are, in a record, the data that the
/// function read; where nothing is retained, they are the caller's to keep.
#pragma once

#include "analysis/derivative.hpp"

namespace sonde {

/// d f(x) / d x at `at`, from at.space to the outputs' elements (block "y"; "y0", "y1", ... if
/// there are several). Error(dtype) for an integer output; Error(rule) for an output that does not
/// depend on x, or only through functions without a derivative.
LinearMap jacobian_map(const Function& f, const Point& at, MapOptions options = {},
                       Site where = Site::current());

/// The Hessian of a scalar function. Further results of the function are ignored. Retained: the
/// gradient is recorded and the record swept, 6 matrix products for each linear layer and vector;
/// else each product is one run of reverse over forward mode. Error(shape) unless the loss
/// is a scalar; Error(dtype) for an integer one, Error(rule) if it does not depend on x.
LinearMap hessian_map(const Function& loss, const Point& at, MapOptions options = {},
                      Site where = Site::current());

/// The parts of jacobian_map, for maps that need f(x) too.
std::shared_ptr<const Derivative> derivative_of(const Function& f, const Point& at,
                                                MapOptions options = {},
                                                Site where = Site::current());
LinearMap jacobian_map(std::shared_ptr<const Derivative> derivative);

}  // namespace sonde
