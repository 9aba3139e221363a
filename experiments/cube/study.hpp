/// @file
/// Which monomials of the Boolean cube a network's tangent kernel prefers before training, and in
/// which order training finds them. Vasudeva et al., "Transformers Learn Low Sensitivity
/// Functions", 2025 (arXiv:2403.06925), whose section 3 states a weak spectral bias of transformers
/// with linear attention: the kernel's eigenvalues do not increase with the degree, among even and
/// among odd degrees. The networks and their sizes are this study's own: the paper has none.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "experiments/common/checkpoint.hpp"
#include "experiments/common/claim.hpp"
#include "experiments/cube/networks.hpp"
#include "optim/adam.hpp"

namespace sonde::experiments {

/// A network, and how it is called: "softmax, tokens of 2 bits".
struct CubeSubject {
  std::string name;
  CubeNetworkOptions options{};

  std::string id() const;
  std::string title() const;
};

/// Means over the monomials of each degree 0 ... d of the empirical tangent kernel before training,
/// exact, f64.
std::vector<double> degree_spectrum(const CubeSubject& subject, std::uint64_t seed);
/// By repetition.
using DegreeSpectra = std::vector<std::vector<double>>;
/// The paper's statement, of this network.
Claim weak_bias_claim(const CubeSubject& subject, const DegreeSpectra& spectra);

/// The degrees of the monomials that the target is the sum of, on bits that are not shared.
inline constexpr int greatest_degree = 4;

struct LearningOptions {
  std::int64_t epochs = 300, batch = 64;
  double lr = 1e-3;  ///< of Adam
};
/// The Fourier coefficients of the network's output at the target's monomials, each 1 in the
/// target, by epoch and degree - 1; epoch 0 is before training. It ends early when all are within
/// learnt_within of 1.
using Coefficients = std::vector<std::array<double, greatest_degree>>;
inline constexpr double learnt_within = 0.2;
/// Adam on the squared error at all points of the cube, in random order.
class MonomialTraining {
 public:
  /// Error(value) for fewer than 10 bits.
  MonomialTraining(const CubeSubject& subject, const LearningOptions& options, std::uint64_t seed);

  /// All coefficients are learnt, or the epochs are over.
  bool over() const;
  /// Error(numeric) if a coefficient is not finite afterwards.
  void epoch();
  const Coefficients& course() const { return course_; }

  void save(Checkpoint& checkpoint) const;
  /// Error(format, names, shape) if the checkpoint holds no state of such a training.
  void restore(const Checkpoint& checkpoint);

 private:
  const LearningOptions options_;
  const philox::Key order_;
  const std::unique_ptr<nn::Module> net_;
  const Tensor points_, target_;
  optim::Adam adam_;
  Coefficients course_;
};
/// The first epoch at which the coefficient of a degree is within learnt_within of 1; -1: none.
std::int64_t learnt_at(const Coefficients& course, int degree);
/// Degrees are learnt in their order, in every repetition.
Claim order_claim(const CubeSubject& subject, const std::vector<Coefficients>& courses);

}  // namespace sonde::experiments
