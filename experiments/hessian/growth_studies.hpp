/// @file
/// The studies of hessian_growth: what each measures, what is claimed of it, and the authors'
/// values.
#pragma once

#include <string>
#include <vector>

#include "experiments/common/claim.hpp"
#include "experiments/hessian/growth.hpp"

namespace sonde::experiments {

enum class GrowthScale { quick, standard, full };

/// "no-norm", "pre-norm", "linear", "deep", "exact", "mlp": the names a person gives.
std::vector<std::string> paper_growth_studies();
/// These, and those of further_growth.hpp.
std::vector<std::string> growth_study_names();
/// The families of networks of a study. Error(usage) if there is none of that name.
std::vector<GrowthSetting> growth_settings(const std::string& study, GrowthScale scale);
/// What the paper, its authors' results or the closed forms say of a setting, judged by its points.
std::vector<Claim> growth_claims(const GrowthSetting& setting, const GrowthPoints& points);

/// A mean over 20 repeats from the results the authors published with their code.
struct PublishedNorm {
  std::string setting, block;
  double sigma, whole, outer;  ///< outer is NaN where it is not at hand
  std::int64_t layer = 0;
};
const std::vector<PublishedNorm>& published_norms();

}  // namespace sonde::experiments
