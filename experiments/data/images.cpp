#include "experiments/data/images.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "experiments/common/folder.hpp"
#include "experiments/data/cifar.hpp"
#include "experiments/data/find.hpp"
#include "experiments/data/idx.hpp"
#include "experiments/data/loader.hpp"

namespace sonde::experiments {
namespace {

namespace fs = std::filesystem;

struct Source {
  std::string_view name;
  std::vector<std::string_view> folders;  // below a folder of data
  std::string_view origin;
};
const Source sources[] = {
    {"fashion-mnist", {"fashion-mnist"}, "apt-get install dataset-fashion-mnist"},
    {"mnist",
     {"mnist"},
     "put the four .gz files of https://yann.lecun.com/exdb/mnist/ into a folder mnist below "
     "--data-dir"},
    {"cifar10",
     {"cifar-10", "cifar10", "cifar-10-batches-bin"},
     "put the .bin files of https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz into a folder "
     "cifar-10 below --data-dir"},
};

std::optional<ImageFormat> format_of(const fs::path& folder) {
  if (!data_files(folder, "data_batch", ".bin").empty()) return ImageFormat::cifar;
  if (!data_files(folder, "train-images", "-ubyte").empty()) return ImageFormat::idx;
  return {};
}

struct Located {
  fs::path folder;
  ImageFormat format;
};

Located locate(const ImageRequest& request) {
  const auto source = std::ranges::find(sources, request.data, &Source::name);
  if (source == std::end(sources)) {
    if (const auto format = format_of(request.data)) return {request.data, *format};
    fail_hint(ErrorCode::data, "--data",
              fmt::format("give {}, or a folder of IDX files (train-images-idx3-ubyte, ...) or "
                          "CIFAR-10 batches (data_batch_1.bin, ...)",
                          fmt::join(image_set_names(), ", ")),
              "'{}' is no data set's name and no folder of images", request.data);
  }
  std::vector<std::string> searched;
  for (const fs::path& below : data_folders(request.data_dir))
    for (const std::string_view name : source->folders) {
      if (const auto format = format_of(below / name)) return {below / name, *format};
      searched.push_back((below / name).string());
    }
  fail_hint(ErrorCode::data, "data", std::string(source->origin), "data set {} is in none of {}",
            request.data, fmt::join(searched, ", "));
}

// A file's images: u8 [n, channels, height, width] and u8 [n].
struct Part {
  std::string name;
  Tensor images, labels;
  std::int64_t size() const { return labels.numel(); }
};
using Parts = std::vector<Part>;

Parts cifar_parts(const fs::path& folder, std::string_view start) {
  Parts parts;
  for (const fs::path& file : data_files(folder, start, ".bin")) {
    CifarBatch batch = read_cifar(file);
    parts.push_back({file.filename().string(), std::move(batch.images), std::move(batch.labels)});
  }
  return parts;
}

struct Splits {
  Parts train, test;
};

Splits read(const Located& at) {
  if (at.format == ImageFormat::cifar)
    return {cifar_parts(at.folder, "data_batch"), cifar_parts(at.folder, "test_batch")};
  Splits splits;
  for (const auto& [name, parts] : {std::pair{"train", &splits.train}, {"t10k", &splits.test}})
    if (auto pair = read_idx_pair(at.folder, name))
      parts->push_back({name, std::move(pair->images), std::move(pair->labels)});
  return splits;
}

std::int64_t total(const Parts& parts) {
  std::int64_t n = 0;
  for (const Part& p : parts) n += p.size();
  return n;
}

std::string names(const Parts& parts) {
  std::vector<std::string> all;
  for (const Part& p : parts) all.push_back(p.name);
  return fmt::format("{}", fmt::join(all, ", "));
}

// The last train batch, or the last fifth of the only one, taken out of training.
Part held_out(Parts& train) {
  if (train.size() > 1) {
    Part last = std::move(train.back());
    train.pop_back();
    return last;
  }
  Part& only = train.front();
  const std::int64_t cut = only.size() - only.size() / 5;
  Part last{"the last fifth of " + only.name, only.images.slice(0, cut, only.size()).contiguous(),
            only.labels.slice(0, cut, only.size()).contiguous()};
  only.images = only.images.slice(0, 0, cut).contiguous();
  only.labels = only.labels.slice(0, 0, cut).contiguous();
  return last;
}

// Puts a held-out batch in the place of a test set that is missing or short; says so.
std::string complete(Splits& s, std::int64_t test) {
  const std::int64_t present = total(s.test);
  if (present > 0 && present >= test) return {};
  const std::string why =
      present == 0 ? "there is no test set"
                   : fmt::format("the test set ({}) has {} images where {} are asked for",
                                 names(s.test), present, test);
  Part stand_in = held_out(s.train);
  std::string text =
      fmt::format("; {}: {}, held out of training, stands in for it", why, stand_in.name);
  s.test = {std::move(stand_in)};
  return text;
}

// CIFAR-10 as published has 50 000 train images.
std::string partial(const Splits& s, ImageFormat format) {
  constexpr std::int64_t published = 50'000;
  const std::int64_t present = total(s.train);
  if (format != ImageFormat::cifar || present >= published) return {};
  return fmt::format("; a partial set: {} of CIFAR-10's {} train images are present ({})", present,
                     published, names(s.train));
}

// `count` of the numbers 0 ... n-1 in random order; all in order if count is 0.
std::vector<std::int64_t> choose(std::int64_t n, std::int64_t count, std::uint64_t seed) {
  if (count == 0) return Tensor::arange(n).to_vector<std::int64_t>();
  std::vector<std::int64_t> all = permutation({seed, 0}, n);
  all.resize(static_cast<std::size_t>(count));
  return all;
}

// The images of all parts, one after the other, at `indices`.
ImageSet chosen(const Parts& parts, std::span<const std::int64_t> indices) {
  const Dims image = parts.front().images.shape();
  const auto n = static_cast<std::int64_t>(indices.size());
  ImageSet out{Tensor::empty({n, image[1], image[2], image[3]}), Tensor::empty({n}, DType::i64)};
  const std::int64_t size = image[1] * image[2] * image[3];
  float* to = out.images.mutable_data<float>();
  std::int64_t* label = out.labels.mutable_data<std::int64_t>();
  for (std::int64_t i : indices) {
    auto part = parts.begin();
    for (; i >= part->size(); ++part) i -= part->size();
    *label++ = part->labels.data<std::uint8_t>()[i];
    const std::uint8_t* from = part->images.data<std::uint8_t>() + i * size;
    to = std::transform(from, from + size, to, intensity);
  }
  return out;
}

void check(const Splits& s, const ImageRequest& request) {
  if (s.train.empty() || total(s.train) == 0)
    fail(ErrorCode::format, request.data, "there are no train images");
  const Dims first = s.train.front().images.shape();
  for (const Parts* parts : {&s.train, &s.test})
    for (const Part& p : *parts)
      for (int axis = 1; axis < 4; ++axis)
        if (p.images.size(axis) != first[axis])
          fail(ErrorCode::format, request.data, "{} holds images {}, another file {}", p.name,
               p.images.shape(), first);
}

void check_count(const char* split, std::int64_t asked, const Parts& parts) {
  if (asked < 0 || asked > total(parts))
    fail(ErrorCode::usage, std::string("--") + split, "{} images asked for, {} has {}", asked,
         names(parts), total(parts));
}

std::int64_t classes(const Splits& s) {
  std::int64_t most = 0;
  for (const Parts* parts : {&s.train, &s.test})
    for (const Part& p : *parts)
      for (const std::uint8_t label :
           std::span(p.labels.data<std::uint8_t>(), static_cast<std::size_t>(p.size())))
        most = std::max<std::int64_t>(most, label);
  return most + 1;
}

}  // namespace

std::vector<std::string> image_set_names() {
  std::vector<std::string> names;
  for (const Source& s : sources) names.emplace_back(s.name);
  return names;
}

ImageFormat image_format(const ImageRequest& request) {
  return locate(request).format;
}

ImageData load_images(const ImageRequest& request) {
  const Located at = locate(request);
  Splits splits = read(at);
  check(splits, request);
  const std::string missing = partial(splits, at.format), stand_in = complete(splits, request.test);
  check_count("train", request.train, splits.train);
  check_count("test", request.test, splits.test);
  ImageData data;
  data.train = chosen(splits.train, choose(total(splits.train), request.train, request.seed));
  data.test = chosen(splits.test, choose(total(splits.test), request.test, request.seed));
  data.train.classes = data.test.classes = classes(splits);
  data.description =
      fmt::format("{}: {} of {} train images, {} of {} test images, {} classes{}{}", request.data,
                  data.train.size(), total(splits.train), data.test.size(), total(splits.test),
                  data.train.classes, missing, stand_in);
  return data;
}

ImageSet take(const ImageSet& set, std::span<const std::int64_t> indices) {
  return {items_at(set.images, indices), items_at(set.labels, indices), set.classes};
}

ImageSet on(const ImageSet& set, Device device) {
  return {set.images.to(device), set.labels.to(device), set.classes};
}

ImageSet first_of(const ImageSet& set, std::int64_t count) {
  return take(set, Tensor::arange(std::min(count, set.size())).to_vector<std::int64_t>());
}

}  // namespace sonde::experiments
