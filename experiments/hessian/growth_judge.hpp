/// @file
/// Makes the claims of one setting of hessian_growth.
#pragma once

#include <string>
#include <vector>

#include "experiments/common/claim.hpp"
#include "experiments/hessian/growth.hpp"

namespace sonde::experiments {

/// A part of the Hessian: what holds its norm, and what it is called.
struct HessianPart {
  GrowthPart part;
  const char *id, *name;
};
namespace parts {
inline constexpr HessianPart whole{&GrowthPoint::whole, "whole", "H"},
    outer{&GrowthPoint::outer, "outer", "H_o"},
    functional{&GrowthPoint::functional, "functional", "H_f"};
}  // namespace parts

/// Scales that count as small and as large, and none that bounds anything.
inline constexpr double small_scale = 0.1, large_scale = 1, any_scale = 1e9;

class GrowthJudge {
 public:
  /// Both must outlive it.
  GrowthJudge(const GrowthSetting& setting, const GrowthPoints& points)
      : setting_(setting), points_(points) {}

  const GrowthSetting& setting() const { return setting_; }
  /// The slope over [low, high] is within `tolerance` of `exponent`.
  void slope(std::int64_t layer, const std::string& block, const HessianPart& part, double low,
             double high, double exponent, double tolerance);
  /// The mean over repeats of log10 (norm / published) is within a factor.
  void near(std::int64_t layer, const std::string& block, const HessianPart& part, double sigma,
            double published, double factor);
  /// There is no functional part, or none to speak of.
  void none(std::int64_t layer, const std::string& block, double tolerance);
  /// A power law to the last digits.
  void exact_slope(std::int64_t layer, const std::string& block, double exponent, double tolerance);
  /// No norm is 0 or infinite.
  void finite();

  std::vector<Claim> claims;

 private:
  std::string range_id(double low, double high) const;
  std::string range_name(double low, double high) const;

  const GrowthSetting& setting_;
  const GrowthPoints& points_;
};

}  // namespace sonde::experiments
