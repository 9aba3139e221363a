#include "experiments/network/own_data.hpp"

#include <algorithm>

#include "autograd/ops.hpp"
#include "experiments/common/folder.hpp"
#include "experiments/data/table.hpp"

namespace sonde::experiments {
namespace {

constexpr double test_share = 0.2;

[[noreturn]] void too_few(const char* option, std::int64_t asked, const std::string& data,
                          std::int64_t there) {
  fail_hint(ErrorCode::usage, option, fmt::format("ask for {} or fewer", there),
            "{} asked for, {} has {}", asked, data, there);
}

ImageSet some_of(const ImageSet& set, const char* option, std::int64_t count,
                 const std::string& data) {
  if (count > set.size()) too_few(option, count, data, set.size());
  return first_of(set, count);
}

// As [n, channels, height, width].
ImageSet as_images(ImageSet set, const std::string& data) {
  const Dims shape = set.images.shape();
  if (shape.rank() == 2) set.images = set.images.reshape({shape[0], 1, 1, shape[1]});
  if (shape.rank() == 3) set.images = set.images.reshape({shape[0], 1, shape[1], shape[2]});
  if (shape.rank() > 4)
    fail_hint(ErrorCode::format, "--data",
              "store [n, features], [n, height, width] or [n, channels, height, width]",
              "{}: inputs are {}", data, shape);
  return set;
}

OwnData from_folder(const NetworkOptions& o, const Settings& settings, std::int64_t train,
                    std::int64_t test) {
  const ImageSet all = as_images(load_folder(o.data, o.label), o.data);
  const auto [rest, held] = held_out(all, test_share, settings.seed);
  return {
      .train = some_of(rest, "--samples", train, "the training part of " + o.data),
      .test = some_of(held, "--test", test, "the fifth that is held out of " + o.data),
      .images = all.images.size(2) > 1,
      .description = fmt::format("{}: {} of {} samples, {} of {} held out for testing, {} classes",
                                 o.data, train, rest.size(), test, held.size(), all.classes)};
}

bool is_table(const std::filesystem::path& data) {
  return is_there(data / "data.csv") || is_there(data / "x.npy");
}

}  // namespace

OwnData load_own_data(const NetworkOptions& o, const Settings& settings, std::int64_t train,
                      std::int64_t test) {
  const std::vector<std::string> names = image_set_names();
  if (std::ranges::count(names, o.data) == 0 && is_table(o.data))
    return from_folder(o, settings, train, test);
  try {
    ImageData found = load_images({.data = o.data,
                                   .data_dir = settings.data_dir,
                                   .train = train,
                                   .test = test,
                                   .seed = settings.seed});
    return {.train = std::move(found.train),
            .test = std::move(found.test),
            .description = std::move(found.description)};
  } catch (const Error& e) {
    if (e.code() != ErrorCode::usage || e.op() != "--train") throw;
    throw Error(e.code(), "--samples", e.message(), e.hint());
  }
}

Tensor normalised(const Tensor& images, const std::vector<double>& mean,
                  const std::vector<double>& deviation) {
  const std::int64_t channels = images.size(1);
  const auto values = [&](const char* option, const std::vector<double>& given) {
    const auto count = static_cast<std::int64_t>(given.size());
    if (count != 1 && count != channels)
      fail_hint(ErrorCode::usage, option, "give one number, or one for each channel, to both",
                "{} numbers for images of {} channels", count, channels);
    return Var(Tensor::from<double>(given, {1, count, 1, 1}).to(images.dtype()));
  };
  const Var m = values("--mean", mean), d = values("--deviation", deviation);
  return ((((Var(images) + 1.0) * 0.5) - m) / d).tensor();
}

}  // namespace sonde::experiments
