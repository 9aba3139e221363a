/// @file
/// The data that a network is measured on: a set known by name, or a folder.
#pragma once

#include "experiments/network/network.hpp"

namespace sonde::experiments {

struct OwnData {
  ImageSet train, test;
  bool images = true;  ///< pixels, and not a table
  std::string description;
};

/// A set of image_set_names(), a folder of images as load_images() takes it, or one that
/// load_folder() takes: of the latter a fifth, drawn by the seed, is the test set. Error(usage) if
/// there are fewer samples than asked for.
OwnData load_own_data(const NetworkOptions& options, const Settings& settings, std::int64_t train,
                      std::int64_t test);

/// Images [n, channels, height, width] of values in [-1, 1] as (pixel - mean) / deviation with the
/// pixels in [0, 1], channel by channel. Error(usage) unless there is one of each per channel, or
/// one for all.
Tensor normalised(const Tensor& images, const std::vector<double>& mean,
                  const std::vector<double>& deviation);

}  // namespace sonde::experiments
