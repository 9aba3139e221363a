/// @file
/// What the images of a set have in common, to lay maps upon.
#pragma once

#include "experiments/common/picture.hpp"
#include "experiments/data/images.hpp"

namespace sonde::experiments {

/// The mean of the first thousand images, its contrast stretched to the whole range; of more than
/// one channel the first three, or the first alone.
Picture mean_picture(const ImageSet& set);

}  // namespace sonde::experiments
