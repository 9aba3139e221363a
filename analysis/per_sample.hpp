/// @file
/// Gradients of each sample's own loss, and their norms without the gradients.
#pragma once

#include <functional>

#include "analysis/point.hpp"

namespace sonde {

/// The losses [N] of the N samples that lie along the first axis of every tensor of the batch.
/// Samples do not see each other (no batch norm in training).
using SampleLosses = std::function<Var(nn::Context&, const Vars& batch)>;

struct PerSampleOptions {
  nn::CallOptions call{};
  std::int64_t chunk = 0;       ///< samples at a time; 0: as many as fit max_memory, at most 64
  std::int64_t max_memory = 0;  ///< bytes that a chunk may take, as counted from one sample; 0: any
};

/// [N, at.space.size()], row i the gradient of sample i: vmap of the gradient, in chunks.
/// Error(shape) unless the batch's first axes agree and `losses` gives [N]; Error(value) for a
/// negative chunk or max_memory.
Tensor per_sample_gradients(const ParameterPoint& at, const SampleLosses& losses, const Vars& batch,
                            const PerSampleOptions& options = {});

/// How the norms of gradients are computed.
enum class NormMethod {
  automatic,   ///< structured
  structured,  ///< the same, and Error(rule) if every parameter needs its gradient
  chunked,     ///< from the gradients of a chunk of samples
};

/// [N], the Euclidean norm of each sample's gradient with respect to all of the point's parameters.
///
/// Structured: one backward pass gives the inputs a of each weight's layer and the cotangents d of
/// its outputs (parameter_uses.hpp: linear layers, convolutions, attention's projections, recurrent
/// layers, embeddings, in whatever module). The gradient is sum_t d_t a_t' over positions t, its
/// squared norm sum_ts <a_t, a_s> <d_t, d_s> (Goodfellow 2015, arXiv:1510.01799): no gradient is
/// made where the Gram matrices are smaller. For other parameters, such as biases and gains, the
/// gradients themselves are made, a chunk of samples at a time.
Tensor per_sample_gradient_norms(const ParameterPoint& at, const SampleLosses& losses,
                                 const Vars& batch, const PerSampleOptions& options = {},
                                 NormMethod method = NormMethod::automatic);

}  // namespace sonde
