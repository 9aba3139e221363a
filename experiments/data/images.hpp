/// @file
/// Labelled images: the sets known by name, and folders of one's own.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "tensor/tensor.hpp"

namespace sonde::experiments {

/// A pixel as a number in [-1, 1].
inline float intensity(std::uint8_t pixel) {
  return (static_cast<float>(pixel) / 255.0f - 0.5f) / 0.5f;
}

/// Images as pixels [n, channels, height, width], f32 intensities in [-1, 1], and their
/// classes i64 [n].
struct ImageSet {
  Tensor images, labels;
  std::int64_t classes = 0;
  std::int64_t size() const { return labels.numel(); }
};

/// The items at `indices`, in that order.
ImageSet take(const ImageSet& set, std::span<const std::int64_t> indices);
/// The same on a device.
ImageSet on(const ImageSet& set, Device device);
/// The first `count`, or all if there are no more: a random sample of a set in random order.
ImageSet first_of(const ImageSet& set, std::int64_t count);

/// How a folder of images is laid out, every file plain or gzipped.
enum class ImageFormat {
  idx,    ///< {train,t10k}-images-idx3-ubyte, {train,t10k}-labels-idx1-ubyte
  cifar,  ///< CIFAR-10's binary batches: data_batch*.bin, as many as there are, and test_batch*.bin
};

/// The names load_images() knows.
std::vector<std::string> image_set_names();

/// What to load.
struct ImageRequest {
  std::string data;  ///< one of image_set_names(), or a folder
  std::filesystem::path data_dir;
  std::int64_t train = 0, test = 0;  ///< images; 0: all
  std::uint64_t seed = 1;            ///< of the choice
};

struct ImageData {
  ImageSet train, test;
  /// Which files these images are from, what is missing, and what stands in for it: one sentence.
  std::string description;
};

/// The layout of a set or a folder. Error(data) with the package or address if the set is missing,
/// or the folder is neither.
ImageFormat image_format(const ImageRequest& request);

/// A random choice of train and test images, each in random order, that depends on the seed only;
/// all in the files' order for 0. Where the test set is missing, or has fewer images than asked
/// for, the last train batch is held out of training and stands in for it; of a single train file
/// the last fifth. Error(data) as image_format(), Error(format) if files disagree, Error(usage) if
/// there are fewer images.
ImageData load_images(const ImageRequest& request);

}  // namespace sonde::experiments
