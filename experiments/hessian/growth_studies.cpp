#include "experiments/hessian/growth_studies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "experiments/hessian/further_growth.hpp"
#include "tensor/error.hpp"

namespace sonde::experiments {
namespace {

constexpr double small = small_scale, large = large_scale, everything = any_scale;
constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

// Some of 10^linspace(-2, 1, 20), the authors' scales.
std::vector<double> authors_sigmas(const std::vector<int>& at) {
  std::vector<double> out;
  for (const int k : at) out.push_back(std::pow(10.0, -2 + 3.0 * k / 19));
  return out;
}
std::vector<double> log_spaced(double low, double high, int n) {
  std::vector<double> out;
  for (int i = 0; i < n; ++i)
    out.push_back(std::pow(10.0, low + (high - low) * i / static_cast<double>(n - 1)));
  return out;
}

using parts::functional;
using parts::outer;
using parts::whole;

void no_norm_claims(GrowthJudge& j, const GrowthSetting& s, double tolerance) {
  const std::int64_t last = s.net.layers - 1;
  const double q = std::max(tolerance, 0.15);
  for (std::int64_t l = 0; l <= last; ++l) {
    j.slope(l, "W_V", whole, 0, small, 2, tolerance);
    j.slope(l, "W_V", outer, 0, small, 2, tolerance);
    j.slope(l, "W_Q", outer, 0, small, 6, q);
    j.slope(l, "W_Q", functional, 0, small, 5, q);
    j.slope(l, "W_Q", whole, 0, small, 5, q);
    if (l != last) j.slope(l, "W_V", functional, 0, small, 3, tolerance);
  }
  j.none(last, "W_V", 1e-12);
}

void pre_norm_claims(GrowthJudge& j) {
  const struct {
    const char* block;
    const HessianPart& part;
    double all, low, high;
  } laws[] = {{"W_V", outer, -1.2, -2.4, -1.7},      {"W_V", functional, -1.3, -2.4, -1.7},
              {"W_V", whole, -1.2, -2.4, -1.7},      {"W_Q", outer, -1.2, -2.4, -1.7},
              {"W_Q", functional, -0.7, -1.4, -0.8}, {"W_Q", whole, -0.6, -1.4, -0.8}};
  for (const auto& [block, part, all, low, high] : laws) {
    j.slope(0, block, part, 0, everything, all, 0.25);
    j.slope(0, block, part, 0, small, 0, 0.25);
    j.slope(0, block, part, large, everything, (low + high) / 2, (high - low) / 2);
  }
}

void linear_claims(GrowthJudge& j, const GrowthSetting& s) {
  const std::int64_t n = s.net.layers, last = n - 1;
  const double exponent = 2 * std::pow(3.0, static_cast<double>(n)), tolerance = n == 1   ? 0.05
                                                                                 : n == 2 ? 0.3
                                                                                          : 1;
  for (std::int64_t l = 0; l < n; ++l)
    for (const char* block : {"W_V", "W_Q"})
      j.slope(l, block, outer, 0, everything, exponent, tolerance);
  if (n == 2)
    for (const char* block : {"W_V", "W_Q"}) j.slope(0, block, functional, 0, 0.34, 9, 0.4);
  for (const char* block : {"W_V", "W_Q"}) j.none(last, block, 1e-10);
  j.finite();
}

// What all studies of a scale have in common, at the scales of the embeddings that most have.
GrowthSetting at_scale(GrowthScale scale) {
  const bool quick = scale == GrowthScale::quick, full = scale == GrowthScale::full;
  std::vector<int> every;
  for (int k = 0; k < 20; ++k) every.push_back(k);
  return {.net = {.width = quick ? 16 : 128},
          .x = authors_sigmas(full ? every : std::vector{0, 3, 6, 10, 13, 16, 19}),
          .sequences = quick ? 8 : 64,
          .repeats = full ? 20 : 3,
          .vectors = full ? 20 : 6};
}

GrowthSetting no_norm(GrowthSetting s) {
  s.id = "no-norm";
  s.name = "no norm";
  return s;
}

GrowthSetting pre_norm(GrowthSetting s) {
  s.id = "pre-norm";
  s.name = "norm in front";
  s.net.norm = NormPlace::pre;
  return s;
}

GrowthSetting exact(GrowthScale scale) {
  return {.id = "exact",
          .name = "exact blocks of a narrow network",
          .net = {.width = 8},
          .x = log_spaced(-2, 1, 16),
          .sequences = 8,
          .repeats = scale == GrowthScale::full ? 20 : 5,
          .vectors = 0};
}

std::vector<GrowthSetting> linear(GrowthSetting s, GrowthScale scale) {
  s.net.score = nn::AttentionScore::linear;
  s.net.residual = 0;
  s.squared_error = true;
  s.x = log_spaced(-1, 0, scale == GrowthScale::full ? 20 : 5);
  std::vector<GrowthSetting> out;
  for (s.net.layers = 1; s.net.layers <= (scale == GrowthScale::quick ? 2 : 3); ++s.net.layers) {
    s.id = fmt::format("linear-{}", s.net.layers);
    s.name = fmt::format("linear attention, {} layers", s.net.layers);
    out.push_back(s);
  }
  s.id = "linear-alone";
  s.name = "linear attention without the network behind";
  s.net.layers = 1;
  s.net.mlp = false;
  out.push_back(s);
  return out;
}

std::vector<GrowthSetting> deep(GrowthSetting s, GrowthScale scale) {
  if (scale != GrowthScale::full) s.x = log_spaced(-2, 1, 4);
  std::vector<GrowthSetting> out;
  for (s.net.layers = 2; s.net.layers <= (scale == GrowthScale::quick ? 2 : 5); ++s.net.layers) {
    s.id = fmt::format("deep-{}", s.net.layers);
    s.name = fmt::format("no norm, {} layers", s.net.layers);
    out.push_back(s);
  }
  return out;
}

std::vector<GrowthSetting> linear_networks(GrowthSetting s, GrowthScale scale) {
  s.network = GrowthNetwork::linear_mlp;
  s.squared_error = true;
  s.x = log_spaced(-2, 1, scale == GrowthScale::full ? 19 : 7);
  s.repeats = scale == GrowthScale::quick ? 3 : 20;
  std::vector<GrowthSetting> out;
  for (s.net.layers = 1; s.net.layers <= 5; ++s.net.layers) {
    s.id = fmt::format("mlp-{}", s.net.layers);
    s.name = fmt::format("linear network of {} layers", s.net.layers);
    out.push_back(s);
  }
  return out;
}

}  // namespace

std::vector<std::string> paper_growth_studies() {
  return {"no-norm", "pre-norm", "linear", "deep", "exact", "mlp"};
}

std::vector<std::string> growth_study_names() {
  std::vector<std::string> names = paper_growth_studies();
  std::ranges::copy(further_growth_studies(), std::back_inserter(names));
  return names;
}

std::vector<GrowthSetting> growth_settings(const std::string& study, GrowthScale scale) {
  const GrowthSetting base = at_scale(scale);
  if (study == "no-norm") return {no_norm(base)};
  if (study == "pre-norm") return {pre_norm(base)};
  if (study == "linear") return linear(base, scale);
  if (study == "deep") return deep(base, scale);
  if (study == "exact") return {exact(scale)};
  if (study == "mlp") return linear_networks(base, scale);
  if (std::ranges::count(further_growth_studies(), study) == 1)
    return {further_growth_setting(study, base)};
  fail_hint(ErrorCode::usage, "--studies", fmt::format("{}", fmt::join(growth_study_names(), ", ")),
            "no study is called '{}'", study);
}

const std::vector<PublishedNorm>& published_norms() {
  const std::vector<double> s = authors_sigmas({0, 10, 13, 19});
  static const std::vector<PublishedNorm> all{
      {"no-norm", "W_V", s[0], 3.82e-4, unknown},  {"no-norm", "W_Q", s[0], 7.28e-10, 2.86e-12},
      {"no-norm", "W_V", s[1], 0.525, unknown},    {"no-norm", "W_Q", s[1], 5.57e-2, 7.9e-3},
      {"no-norm", "W_V", s[2], 7.26, unknown},     {"no-norm", "W_Q", s[2], 17.7, 9.5},
      {"no-norm", "W_V", s[3], 357, unknown},      {"no-norm", "W_Q", s[3], 1.26e5, 5.4e4},
      {"pre-norm", "W_V", s[0], 17.5, unknown},    {"pre-norm", "W_Q", s[0], 3.81, 3.30},
      {"pre-norm", "W_V", s[3], 5.9e-3, unknown},  {"pre-norm", "W_Q", s[3], 6.6e-2, 1.2e-3},
      {"linear-alone", "W_V", 1, 3.67e6, unknown}, {"linear-alone", "W_Q", 1, 3.66e6, 3.72e6},
      {"mlp-1", "W", 1, 1.21e5, unknown},          {"mlp-2", "W", 1, 4.22e4, unknown},
      {"mlp-2", "W", 1, 4.15e4, unknown, 1},       {"mlp-3", "W", 1, 1.50e4, unknown},
      {"mlp-3", "W", 1, 1.46e4, unknown, 1},       {"mlp-3", "W", 1, 1.42e4, unknown, 2}};
  return all;
}

std::vector<Claim> growth_claims(const GrowthSetting& s, const GrowthPoints& points) {
  GrowthJudge j(s, points);
  if (s.id == "no-norm") no_norm_claims(j, s, 0.1);
  if (s.id == "exact") no_norm_claims(j, s, 0.25);
  if (s.id.starts_with("deep")) no_norm_claims(j, s, 0.2);
  if (s.id == "pre-norm") pre_norm_claims(j);
  if (s.id.starts_with("linear")) linear_claims(j, s);
  if (std::ranges::count(further_growth_studies(), s.id) == 1) further_growth_claims(j);
  if (s.network == GrowthNetwork::linear_mlp)
    for (std::int64_t l = 0; l < s.net.layers; ++l) j.exact_slope(l, "W", 2, 1e-10);
  if (s.net.width == 128)  // the authors' size
    for (const PublishedNorm& p : published_norms()) {
      if (p.setting != s.id) continue;
      const double factor = s.network == GrowthNetwork::linear_mlp ? 1.15
                            : s.squared_error                      ? 1.5
                                                                   : 2;
      j.near(p.layer, p.block, whole, p.sigma, p.whole, factor);
      if (!std::isnan(p.outer)) j.near(p.layer, p.block, outer, p.sigma, p.outer, factor);
    }
  return std::move(j.claims);
}

}  // namespace sonde::experiments
