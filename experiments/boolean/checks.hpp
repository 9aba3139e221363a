/// @file
/// What the studies of bit strings rest on and must hold exactly: sensitivities in closed form, by
/// flips and by the Walsh-Hadamard transform, sharpness of a loss that is known, blow-up of an
/// input that is known, the network's size.
#pragma once

#include <string>
#include <vector>

#include "experiments/boolean/target.hpp"
#include "experiments/common/results.hpp"

namespace sonde::experiments {

/// A function of strings with values -1 and 1 (the mean: between them), at all strings of a length.
struct FunctionFound {
  std::string function;
  std::int64_t bits = 0;
  bool boolean = true;      ///< two values only, whose sums are exact
  double closed_form = 0;   ///< average sensitivity by Target::average_sensitivity
  double by_transform = 0;  ///< by the Fourier weights W_k: the sum of k W_k
  double by_flips = 0;      ///< by flipping each bit of each string
  double weights = 0;       ///< the sum of W_k,
  double squares = 0;       ///< and the mean square of the values, which it must be
};
FunctionFound function_found(const Target& target, std::int64_t bits);
/// That the three agree, and that the weights sum to what they must. Error(value) if there are
/// none.
std::vector<Claim> function_claims(const std::vector<FunctionFound>& found);

/// Average sensitivities of `tables` random functions of 10 bits, drawn from `seed`.
std::vector<double> random_sensitivities(std::int64_t tables, std::uint64_t seed);
/// That they are n / 2 on average; and that they are exactly, over all functions of 4 bits.
Claim random_claim(const std::vector<double>& sensitivities);
Claim every_function_claim();

/// A loss |A x|^2 / 2 in 64 dimensions, whose sharpness at radius rho is rho^2 tr(H) / (2 p) in the
/// mean over any orthogonal set of directions and their opposites. Found by `draws` of random
/// directions from `seed` too.
struct SharpnessFound {
  double expected = 0;
  double orthogonal = 0;  ///< mean over the set, away from the minimum
  double round = 0;       ///< the greatest relative error of draws where all directions are alike
  Estimate sphere{}, gaussian{};
  double outputs = 0;  ///< relative difference between output sharpness and twice `sphere`
};
SharpnessFound sharpness_found(double radius, std::int64_t draws, std::uint64_t seed);
std::vector<Claim> sharpness_claims(const SharpnessFound& found);

/// Of inputs of norms whose standard deviations are known.
std::vector<Claim> blowup_claims();
/// The authors' numbers of parameters beside positions: 281, 12 993, 199 425 for d = 4, 32, 128.
Claim size_claim();

/// A function and length a row.
Table table_of(const std::vector<FunctionFound>& found);
/// Average sensitivity by length up to `longest`, closed forms as lines and what was found as
/// points, the theory's floor of sharpness under them.
CaptionedFigure sensitivity_figure(const std::vector<FunctionFound>& found, std::int64_t longest);

}  // namespace sonde::experiments
