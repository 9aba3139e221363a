/// @file
/// Maps, vectors and spectra as NumPy archives.
#pragma once

#include <optional>
#include <string>

#include "analysis/linear_map.hpp"

namespace sonde {

/// The map as a matrix, "matrix" [range, domain], and where its blocks lie: for each side
/// "range.NAME" and "domain.NAME", i64 [begin, end). Error(memory) as dense(), Error(file).
void save_map(const std::string& path, const LinearMap& map, DenseOptions options = {});

/// A vector of the space as its blocks, each by its name and of its shape; [n, size] gives blocks
/// with a leading axis of n. Error(shape, dtype, file).
void save_vector(const std::string& path, const Space& space, const Tensor& vectors);

/// "eigenvalues" [k] and, if there are any, eigenvectors [k, space.size()], one per row, as
/// "eigenvectors.NAME" [k, ...block]. Error(shape) unless there is one vector for each value;
/// Error(dtype, file).
void save_spectrum(const std::string& path, const Tensor& eigenvalues,
                   const std::optional<Space>& space = {},
                   const std::optional<Tensor>& eigenvectors = {});

}  // namespace sonde
