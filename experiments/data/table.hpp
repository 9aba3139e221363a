/// @file
/// Labelled data of one's own, from CSV, NPY or IDX. Files are taken for hostile.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "experiments/data/images.hpp"

namespace sonde::experiments {

/// The greatest number of classes: what a label may claim is bounded, since models are built by it.
inline constexpr std::int64_t max_classes = 65536;

/// Reads rows of numbers and a label as `images` f32 [rows, columns - 1] and `labels`. A first row
/// without any number names the columns. The label is in the column called `label`, or in the last
/// one if that is empty. Labels that all are whole numbers below max_classes are the classes
/// themselves; otherwise they are words, numbered in alphabetical order. Memory is at most four
/// times the file's size. Error(file), Error(format) naming row and column, Error(size) on files of
/// more than `max_bytes`, Error(usage) if no column is called `label`.
ImageSet read_csv(const std::filesystem::path& path, const std::string& label = "",
                  std::int64_t max_bytes = std::int64_t{1} << 30);
/// The same from a text, which messages call `name`.
ImageSet read_csv(std::string_view text, const std::string& name, const std::string& label);

/// Reads inputs [n, ...] of rank 2 or more and labels [n], whole numbers from 0. Inputs become f32;
/// bytes are taken for pixels and become numbers in [-1, 1] as load_images() has it. Error(file),
/// Error(format).
ImageSet read_npy_pair(const std::filesystem::path& inputs, const std::filesystem::path& labels);

/// The data in a folder, whichever comes first: data.csv (`label` as in read_csv); x.npy and y.npy;
/// train-images-idx3-ubyte and train-labels-idx1-ubyte, plain or .gz. Error(data) if there is none.
ImageSet load_folder(const std::filesystem::path& folder, const std::string& label = "");

/// Cuts a set in two at random, as `seed` says: what is left, and `share` of the items, rounded
/// down. Error(usage) if one of them is empty.
std::pair<ImageSet, ImageSet> held_out(const ImageSet& set, double share, std::uint64_t seed);

}  // namespace sonde::experiments
