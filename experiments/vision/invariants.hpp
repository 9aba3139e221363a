/// @file
/// What must hold exactly in every run of the study.
#pragma once

#include "experiments/common/claim.hpp"
#include "experiments/vision/study.hpp"

namespace sonde::experiments {

/// Checks on the run's own data and first model: predictors that always say the same have
/// sensitivity 0, and so has a network that does not see the image; the same
/// measurement in other batches gives the same bits; training from a saved state gives the same
/// bits as training on.
std::vector<Claim> invariants(const StudyOptions& options, const ImageSet& train);

}  // namespace sonde::experiments
