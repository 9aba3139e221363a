#include "experiments/hessian/further_growth.hpp"

#include <cmath>
#include <limits>

namespace sonde::experiments {
namespace {

// Biases of the other networks are of some hundredths.
constexpr double below_biases = 0.01;
constexpr double zero = std::numeric_limits<double>::quiet_NaN();  // there is no such part

// Exponents of one block; those of H are the lower ones of its parts.
struct Law {
  const char* block;
  double outer, functional, whole;
};
using Laws = std::vector<Law>;

const Laws by_scale{{"W_Q", 6, 5, 5},     {"W_K", 6, 5, 5},     {"W_V", 2, zero, 2},
                    {"W_Q-W_K", 6, 3, 3}, {"W_V-W_Q", 4, 3, 3}, {"W_V-W_K", 4, 3, 3}},
    single_matrix{{"W_QK", 6, 5, 5}, {"W_V", 2, zero, 2}, {"W_V-W_QK", 4, 3, 3}},
    // J_V: 1 / length times m_i. J_Q: 1 / length times 3. So do second derivatives count.
    post_norm{{"W_Q", 4, 4, 4}, {"W_V", 0, 0, 0}},
    by_temperature{{"W_Q", -2, -2, -2},     {"W_K", -2, -2, -2},     {"W_V", 0, zero, 0},
                   {"W_Q-W_K", -2, -1, -1}, {"W_V-W_Q", -1, -1, -1}, {"W_V-W_K", -1, -1, -1}};

// Piecewise linear in each layer, and not.
const Laws cnn{{"conv1", 2, zero, 2}, {"conv2", 0, zero, 0}},
    lstm{{"weight_ih", 2, 2, 2}, {"weight_hh", 0, 0, 0}};

const Laws& laws_of(const std::string& study) {
  if (study == "cnn") return cnn;
  if (study == "lstm") return lstm;
  if (study == "single-matrix") return single_matrix;
  if (study == "post-norm") return post_norm;
  return study == "temperature" ? by_temperature : by_scale;
}

}  // namespace

const std::vector<std::string>& further_growth_studies() {
  static const std::vector<std::string> names{
      "blocks", "single-matrix", "multi-head", "post-norm", "temperature", "cnn", "lstm"};
  return names;
}

GrowthSetting further_growth_setting(const std::string& study, GrowthSetting s) {
  s.id = study;
  s.all_blocks = study != "post-norm";
  if (study == "cnn" || study == "lstm") {
    s.name = study == "cnn" ? "a convolutional network" : "an LSTM";
    s.network = study == "cnn" ? GrowthNetwork::cnn : GrowthNetwork::lstm;
    s.x = {1e-4, 1e-3, 1e-2, 1e-1, 1, 10};
  }
  if (study == "blocks") s.name = "all blocks";
  if (study == "single-matrix") {
    s.name = "a single matrix W_QK";
    s.net.single_matrix = true;
  }
  if (study == "multi-head") {
    s.name = "four heads";
    s.net.heads = 4;
  }
  if (study == "post-norm") {
    s.name = "norm behind";
    s.net.norm = NormPlace::post;
  }
  if (study == "temperature") {
    s.name = "temperature";
    s.variable = GrowthVariable::temperature;
    s.net.embedding_std = small_scale;
    s.x = {0.3, 1, 3, 10, 30};
  }
  return s;
}

void further_growth_claims(GrowthJudge& j) {
  const GrowthSetting& s = j.setting();
  const bool scale = s.variable == GrowthVariable::scale;
  // As in the paper's studies; the small constant that norms add to the variance bends their law.
  const double tolerance = s.net.norm == NormPlace::post ? 0.25 : 0.15,
               high = !scale                                    ? any_scale
                      : s.network == GrowthNetwork::transformer ? small_scale
                                                                : below_biases;
  for (const Law& law : laws_of(s.id)) {
    j.slope(0, law.block, parts::outer, 0, high, law.outer, tolerance);
    if (std::isnan(law.functional))
      j.none(0, law.block, 1e-12);
    else
      j.slope(0, law.block, parts::functional, 0, high, law.functional, tolerance);
    j.slope(0, law.block, parts::whole, 0, high, law.whole, tolerance);
  }
}

}  // namespace sonde::experiments
