/// @file
/// Networks that compute, of a disturbed image, only what the disturbance changes.
#pragma once

#include <memory>

#include "analysis/sensitivity.hpp"
#include "nn/module.hpp"

namespace sonde::experiments {

/// The module by its own parameters, in eval mode; it must outlive the result. A network of which
/// nn::LocalFirst tells a local part computes that part in the window a patch can reach, and takes
/// the rest of its maps from the clean image. Any other computes every image whole: of a
/// transformer a patch leaves the other tokens' embedding and first q, k and v untouched, a tenth
/// of the work, and an MLP's first layer is too cheap to matter beside them.
std::unique_ptr<PatchedClassifier> patched_classifier(const nn::Module& module);
/// One that computes every image whole.
std::unique_ptr<PatchedClassifier> whole_classifier(const nn::Module& module);

}  // namespace sonde::experiments
