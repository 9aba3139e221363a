/// @file
/// Perturbations: what is done to one input, or to one value inside a network, to see whether that
/// changes what the network says. See sensitivity.hpp.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <variant>

#include "tensor/philox.hpp"
#include "tensor/tensor.hpp"

namespace sonde {

/// Rows top ... top + height - 1 and columns left ... left + width - 1 of an image, all channels.
struct Window {
  std::int64_t top = 0, left = 0, height = 0, width = 0;
};

/// The elements of one input, row-major, to be changed in place: numbers, or tokens.
using Elements = std::variant<std::span<float>, std::span<double>, std::span<std::int64_t>>;

/// Which elements of an input are disturbed together: position t of 0 ... positions() - 1.
class Perturbation {
 public:
  virtual ~Perturbation() = default;
  virtual std::int64_t positions() const = 0;
  /// The shape of one input it is made for; empty if it fits any.
  virtual Dims shape() const { return {}; }
  /// Where position `t` lies in an image, if it is the same in every input.
  virtual std::optional<Window> window(std::int64_t) const { return {}; }
  /// Disturbs the elements of position `t` of one input of shape(): a pure function of `key`.
  /// `sigma` is the standard deviation of what is noise, and else has no meaning. Error(dtype) for
  /// elements it cannot disturb.
  virtual void apply(const Elements& input, std::int64_t t, double sigma,
                     philox::Key key) const = 0;
};

// --- normal noise of standard deviation sigma, added to numbers

/// To every square patch of a grid in turn, all channels of it. Error(value) unless `patch` divides
/// height and width.
std::unique_ptr<Perturbation> patch_noise(std::int64_t channels, std::int64_t height,
                                          std::int64_t width, std::int64_t patch);
/// To patch^2 pixels drawn with replacement from the whole image (what the code of Vasudeva et al.
/// computes; there the pixels are drawn once for a batch, here for each image). A position is one
/// such draw: `repetitions` of them, or if 0 as many as there are patches.
std::unique_ptr<Perturbation> scattered_noise(std::int64_t channels, std::int64_t height,
                                              std::int64_t width, std::int64_t patch,
                                              std::int64_t repetitions = 0);
/// To every token of [tokens, features] in turn: a row, such as its embedding. Error(value) unless
/// both are positive.
std::unique_ptr<Perturbation> token_noise(std::int64_t tokens, std::int64_t features);
/// To all elements of an input of any shape at once: one position.
std::unique_ptr<Perturbation> whole_noise();

// --- other values in place of discrete ones

/// Every token of [tokens] in turn becomes one drawn from low ... high - 1, all equally likely,
/// which may be the one it was. i64. Error(value) unless tokens >= 1 and low < high.
std::unique_ptr<Perturbation> token_replacement(std::int64_t tokens, std::int64_t low,
                                                std::int64_t high);
/// Every coordinate of [coordinates] in turn takes its other value: x becomes low + high - x. The
/// default is for the cube {-1, 1}^d of cube_points(); bits are low 0, high 1. Draws nothing.
std::unique_ptr<Perturbation> bit_flip(std::int64_t coordinates, std::int64_t low = -1,
                                       std::int64_t high = 1);

}  // namespace sonde
