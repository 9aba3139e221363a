/// @file
/// Inner parts of per_sample.hpp: which layers of a module see each sample by itself, and the
/// squared norms of their parameters' gradients from their inputs and cotangents.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "analysis/per_sample.hpp"

namespace sonde::detail {

/// The arguments of per_sample.hpp's functions.
struct PerSample {
  const ParameterPoint& at;
  const SampleLosses& losses;
  const Vars& batch;
  const PerSampleOptions& options;
};

std::int64_t batch_size(const Vars& batch);
Vars samples(const Vars& batch, std::int64_t begin, std::int64_t end);
/// The losses with `chosen` for the point's parameters.
Var losses_of(const PerSample& p, const Vars& chosen, const Vars& batch,
              const nn::CallOptions& call);
/// Samples at a time.
std::int64_t resolved_chunk(const PerSample& p);
/// [N], the squared norms of the gradients with respect to the point's parameters `wanted`.
Tensor chunked_squares(const PerSample& p, const Arguments& wanted);

/// A linear layer, convolution, embedding or norm, and which of its parameters are chosen.
struct Layer {
  std::string path;
  const nn::Module* module = nullptr;
  Arguments own;     ///< positions of the chosen ones among module->parameters()
  Arguments chosen;  ///< the same ones' positions in the point
};

struct Layers {
  std::vector<Layer> used;  ///< called once, with the samples along the first axis
  Arguments rest;           ///< positions in the point of what belongs to no such layer
};
Layers layers_of(const PerSample& p);

/// [N], the squared norms of the gradients with respect to the layers' parameters.
Tensor layer_squares(const PerSample& p, const Layers& layers);

}  // namespace sonde::detail
