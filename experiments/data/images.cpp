#include "experiments/data/images.hpp"

#include <algorithm>

#include "experiments/data/find.hpp"
#include "experiments/data/idx.hpp"
#include "experiments/data/loader.hpp"
#include "tensor/kernels/random.hpp"
#include "tensor/parallel.hpp"
#include "tensor/random.hpp"

namespace sonde::experiments {
namespace {

struct Source {
  std::string_view name, origin;
  std::int64_t classes;
};
constexpr Source sources[] = {
    {"fashion-mnist", "apt-get install dataset-fashion-mnist", 10},
    {"mnist",
     "put the four .gz files of https://yann.lecun.com/exdb/mnist/ into a folder mnist below "
     "--data-dir",
     10},
};

const Source& find_source(const std::string& name) {
  const auto found = std::ranges::find(sources, name, &Source::name);
  if (found == std::end(sources))
    fail(ErrorCode::usage, "data", "no data set is called '{}'", name);
  return *found;
}

// `count` of the numbers 0 ... n-1 in random order; all in order if count is 0.
std::vector<std::int64_t> choose(std::int64_t n, std::int64_t count, std::uint64_t seed) {
  if (count == 0) return Tensor::arange(n).to_vector<std::int64_t>();
  Tensor order = Tensor::empty({1, n}, DType::i64);
  kernels::random_permutation.find({}, DType::i64)(random_key(seed).reshape({1, 2}), order);
  std::vector<std::int64_t> all = order.to_vector<std::int64_t>();
  all.resize(static_cast<std::size_t>(count));
  return all;
}

// u8 [N, H, W] at `indices` to f32 [n, 1, H, W] in [-1, 1].
Tensor scaled(const Tensor& pixels, std::span<const std::int64_t> indices) {
  const std::int64_t area = pixels.size(1) * pixels.size(2);
  Tensor out =
      Tensor::empty({static_cast<std::int64_t>(indices.size()), 1, pixels.size(1), pixels.size(2)});
  const std::uint8_t* from = pixels.data<std::uint8_t>();
  float* to = out.mutable_data<float>();
  for (std::size_t i = 0; i < indices.size(); ++i)
    for (std::int64_t p = 0; p < area; ++p)
      *to++ = (static_cast<float>(from[indices[i] * area + p]) / 255.0f - 0.5f) / 0.5f;
  return out;
}

}  // namespace

std::vector<std::string> image_set_names() {
  std::vector<std::string> names;
  for (const Source& s : sources) names.emplace_back(s.name);
  return names;
}

ImageSet load_images(const std::string& name, Split split, std::int64_t count, std::uint64_t seed,
                     const std::filesystem::path& data_dir) {
  const Source& source = find_source(name);
  const std::string part = split == Split::train ? "train" : "t10k";
  auto read = [&](const std::string& file) {
    return read_idx(find_data(name, file, data_dir, source.origin));
  };
  const Tensor pixels = read(part + "-images-idx3-ubyte"),
               labels = read(part + "-labels-idx1-ubyte");
  if (pixels.rank() != 3 || labels.rank() != 1 || pixels.size(0) != labels.size(0))
    fail(ErrorCode::format, name, "images {} and labels {} do not belong together", pixels.shape(),
         labels.shape());
  if (count < 0 || count > labels.size(0))
    fail(ErrorCode::usage, name, "{} images asked for, the {} split has {}", count, part,
         labels.size(0));
  const auto indices = choose(labels.size(0), count, seed);
  const std::vector<std::int64_t> all = labels.to_vector<std::int64_t>();
  std::vector<std::int64_t> chosen;
  for (std::int64_t i : indices) chosen.push_back(all[static_cast<std::size_t>(i)]);
  if (std::ranges::any_of(chosen, [&](std::int64_t c) { return c >= source.classes; }))
    fail(ErrorCode::format, name, "a label is beyond the {} classes", source.classes);
  const Dims shape{static_cast<std::int64_t>(chosen.size())};
  return {scaled(pixels, indices), Tensor::from<std::int64_t>(chosen, shape), source.classes};
}

ImageSet take(const ImageSet& set, std::span<const std::int64_t> indices) {
  return {items_at(set.images, indices), items_at(set.labels, indices), set.classes};
}

}  // namespace sonde::experiments
