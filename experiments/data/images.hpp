/// @file
/// Labelled images.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tensor/tensor.hpp"

namespace sonde::experiments {

/// Images as pixels [n, channels, height, width], f32 in [-1, 1] by (x / 255 - 0.5) / 0.5, and
/// their classes i64 [n].
struct ImageSet {
  Tensor images, labels;
  std::int64_t classes = 0;
  std::int64_t size() const { return labels.numel(); }
};

enum class Split { train, test };

/// The names load_images() knows.
std::vector<std::string> image_set_names();

/// `count` images of a split: a random choice that depends on `seed` only, in random order; all in
/// the file's order if `count` is 0. Error(data) with the package or address if the set is missing,
/// Error(format) if its files disagree, Error(usage) if it has fewer images.
ImageSet load_images(const std::string& name, Split split, std::int64_t count, std::uint64_t seed,
                     const std::filesystem::path& data_dir);

/// The items at `indices`, in that order.
ImageSet take(const ImageSet& set, std::span<const std::int64_t> indices);

}  // namespace sonde::experiments
