#include "analysis/perturbation.hpp"

#include <algorithm>
#include <vector>

#include "tensor/kernels/random.hpp"
#include "tensor/random.hpp"

namespace sonde {
namespace {

// Standard normal numbers of one key.
template <class T>
Tensor normal(philox::Key key, std::int64_t count) {
  const Tensor keys = random_key(key).unsqueeze(0);
  Tensor out = Tensor::empty({1, count}, dtype_of<T>);
  kernels::random_normal.find({}, dtype_of<T>)(keys, {.a = 0, .b = 1}, out);
  return out;
}

// f(span) of floating elements.
template <class F>
void on_numbers(const Elements& elements, F f) {
  std::visit(
      [&]<class T>(std::span<T> x) {
        if constexpr (std::is_floating_point_v<T>)
          f(x);
        else
          fail_hint(ErrorCode::dtype, "perturbation",
                    "disturb the embeddings at a tap, or replace tokens",
                    "noise cannot be added to integers");
      },
      elements);
}

template <class T>
void add_normal(std::span<T> x, double sigma, philox::Key key) {
  const Tensor noise = normal<T>(key, static_cast<std::int64_t>(x.size()));
  const T* n = noise.data<T>();
  for (T& v : x) v += static_cast<T>(sigma) * *n++;
}

class Grid : public Perturbation {
 public:
  Grid(std::int64_t channels, std::int64_t height, std::int64_t width, std::int64_t patch)
      : channels_(channels), height_(height), width_(width), patch_(patch) {
    if (channels < 1 || patch < 1 || height % patch != 0 || width % patch != 0)
      fail(ErrorCode::value, "perturbation", "patches of {} do not tile [{},{},{}]", patch,
           channels, height, width);
  }
  std::int64_t positions() const override { return (height_ / patch_) * (width_ / patch_); }
  Dims shape() const override { return {channels_, height_, width_}; }

 protected:
  const std::int64_t channels_, height_, width_, patch_;
};

class PatchNoise final : public Grid {
 public:
  using Grid::Grid;
  std::optional<Window> window(std::int64_t t) const override {
    const std::int64_t across = width_ / patch_;
    return Window{t / across * patch_, t % across * patch_, patch_, patch_};
  }
  void apply(const Elements& input, std::int64_t t, double sigma, philox::Key key) const override {
    on_numbers(input, [&]<class T>(std::span<T> x) { add(x, *window(t), sigma, key); });
  }

 private:
  template <class T>
  void add(std::span<T> image, const Window& w, double sigma, philox::Key key) const {
    const Tensor noise = normal<T>(key, channels_ * patch_ * patch_);
    const T* n = noise.data<T>();
    for (std::int64_t c = 0; c < channels_; ++c)
      for (std::int64_t y = w.top; y < w.top + patch_; ++y)
        for (std::int64_t x = w.left; x < w.left + patch_; ++x)
          image[static_cast<std::size_t>((c * height_ + y) * width_ + x)] +=
              static_cast<T>(sigma) * *n++;
  }
};

class ScatteredNoise final : public Grid {
 public:
  ScatteredNoise(std::int64_t channels, std::int64_t height, std::int64_t width, std::int64_t patch,
                 std::int64_t repetitions)
      : Grid(channels, height, width, patch), repetitions_(repetitions) {
    if (repetitions < 0) fail(ErrorCode::value, "scattered_noise", "{} repetitions", repetitions);
  }
  std::int64_t positions() const override {
    return repetitions_ > 0 ? repetitions_ : Grid::positions();
  }
  void apply(const Elements& input, std::int64_t, double sigma, philox::Key key) const override {
    on_numbers(input, [&]<class T>(std::span<T> x) { add(x, sigma, key); });
  }

 private:
  std::size_t area() const { return static_cast<std::size_t>(height_ * width_); }
  // A pixel drawn twice is disturbed once, as by the authors' mask.
  std::vector<std::uint64_t> pixels(philox::Key places) const {
    std::vector<std::uint64_t> found;
    for (std::int64_t i = 0; i < patch_ * patch_; ++i) {
      const auto index = static_cast<std::uint64_t>(i);
      found.push_back(philox::below(places, index, philox::bits(places, index), area()));
    }
    std::ranges::sort(found);
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
  }
  template <class T>
  void add(std::span<T> image, double sigma, philox::Key key) const {
    const std::vector<std::uint64_t> where = pixels(philox::fold_in(key, 1));
    const Tensor noise = normal<T>(key, channels_ * patch_ * patch_);
    const T* n = noise.data<T>();
    for (std::int64_t c = 0; c < channels_; ++c)
      for (std::uint64_t p : where)
        image[static_cast<std::size_t>(c) * area() + p] += static_cast<T>(sigma) * *n++;
  }

  const std::int64_t repetitions_;
};

class TokenNoise final : public Perturbation {
 public:
  TokenNoise(std::int64_t tokens, std::int64_t features) : tokens_(tokens), features_(features) {
    if (tokens < 1 || features < 1)
      fail(ErrorCode::value, "token_noise", "{} tokens of {} features", tokens, features);
  }
  std::int64_t positions() const override { return tokens_; }
  Dims shape() const override { return {tokens_, features_}; }
  void apply(const Elements& input, std::int64_t t, double sigma, philox::Key key) const override {
    const auto width = static_cast<std::size_t>(features_);
    on_numbers(input, [&]<class T>(std::span<T> x) {
      add_normal(x.subspan(static_cast<std::size_t>(t) * width, width), sigma, key);
    });
  }

 private:
  const std::int64_t tokens_, features_;
};

class WholeNoise final : public Perturbation {
 public:
  std::int64_t positions() const override { return 1; }
  void apply(const Elements& input, std::int64_t, double sigma, philox::Key key) const override {
    on_numbers(input, [&]<class T>(std::span<T> x) { add_normal(x, sigma, key); });
  }
};

class TokenReplacement final : public Perturbation {
 public:
  TokenReplacement(std::int64_t tokens, std::int64_t low, std::int64_t high)
      : tokens_(tokens), low_(low), high_(high) {
    if (tokens < 1 || low >= high)
      fail(ErrorCode::value, "token_replacement", "{} tokens from {} ... {} - 1", tokens, low,
           high);
  }
  std::int64_t positions() const override { return tokens_; }
  Dims shape() const override { return {tokens_}; }
  void apply(const Elements& input, std::int64_t t, double, philox::Key key) const override {
    const auto* tokens = std::get_if<std::span<std::int64_t>>(&input);
    if (!tokens)
      fail_hint(ErrorCode::dtype, "token_replacement", "give the tokens as i64",
                "the inputs are no tokens but floating numbers");
    const auto range = static_cast<std::uint64_t>(high_ - low_);
    (*tokens)[static_cast<std::size_t>(t)] =
        low_ + static_cast<std::int64_t>(philox::below(key, 0, philox::bits(key, 0), range));
  }

 private:
  const std::int64_t tokens_, low_, high_;
};

class BitFlip final : public Perturbation {
 public:
  BitFlip(std::int64_t coordinates, std::int64_t low, std::int64_t high)
      : coordinates_(coordinates), sum_(low + high) {
    if (coordinates < 1 || low >= high)
      fail(ErrorCode::value, "bit_flip", "{} coordinates with the values {} and {}", coordinates,
           low, high);
  }
  std::int64_t positions() const override { return coordinates_; }
  Dims shape() const override { return {coordinates_}; }
  void apply(const Elements& input, std::int64_t t, double, philox::Key) const override {
    std::visit(
        [&]<class T>(std::span<T> x) {
          T& v = x[static_cast<std::size_t>(t)];
          v = static_cast<T>(sum_) - v;
        },
        input);
  }

 private:
  const std::int64_t coordinates_, sum_;
};

}  // namespace

std::unique_ptr<Perturbation> patch_noise(std::int64_t channels, std::int64_t height,
                                          std::int64_t width, std::int64_t patch) {
  return std::make_unique<PatchNoise>(channels, height, width, patch);
}

std::unique_ptr<Perturbation> scattered_noise(std::int64_t channels, std::int64_t height,
                                              std::int64_t width, std::int64_t patch,
                                              std::int64_t repetitions) {
  return std::make_unique<ScatteredNoise>(channels, height, width, patch, repetitions);
}

std::unique_ptr<Perturbation> token_noise(std::int64_t tokens, std::int64_t features) {
  return std::make_unique<TokenNoise>(tokens, features);
}

std::unique_ptr<Perturbation> whole_noise() {
  return std::make_unique<WholeNoise>();
}

std::unique_ptr<Perturbation> token_replacement(std::int64_t tokens, std::int64_t low,
                                                std::int64_t high) {
  return std::make_unique<TokenReplacement>(tokens, low, high);
}

std::unique_ptr<Perturbation> bit_flip(std::int64_t coordinates, std::int64_t low,
                                       std::int64_t high) {
  return std::make_unique<BitFlip>(coordinates, low, high);
}

}  // namespace sonde
