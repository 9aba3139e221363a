#include "experiments/cube/study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "analysis/boolean.hpp"
#include "analysis/cube_spectrum.hpp"
#include "analysis/per_sample.hpp"
#include "analysis/statistics.hpp"
#include "autograd/ops.hpp"
#include "experiments/data/loader.hpp"
#include "nn/state_dict.hpp"

namespace sonde::experiments {
namespace {

constexpr double rounding = 1e-12;  // of an eigenvalue

// {0}, {1, 2}, {3, 4, 5}, {6, 7, 8, 9} as bits.
constexpr std::array<std::uint32_t, greatest_degree> monomials{0x001, 0x006, 0x038, 0x3c0};

Tensor points_of(const CubeSubject& s) {
  return cube_points(static_cast<int>(s.options.bits));
}

Tensor target_of(const Tensor& points) {
  if (points.size(1) < 10)
    fail(ErrorCode::value, "MonomialTraining", "the monomials are of 10 bits, these are {}",
         points.size(1));
  Var sum = Tensor::zeros({points.size(0)});
  for (const std::uint32_t set : monomials) {
    Var product = Tensor::ones({points.size(0)});
    for (std::int64_t i = 0; set >> i != 0; ++i)
      if (set >> i & 1) product = product * select(Var(points), 1, i);
    sum = sum + product;
  }
  return sum.tensor();
}

std::array<double, greatest_degree> coefficients_of(const nn::Module& net, const Tensor& points) {
  const std::vector<double> values = net(Var(points)).tensor().to_vector<double>();
  const std::vector<double> all = fourier_coefficients(std::span<const double>(values));
  std::array<double, greatest_degree> out{};
  for (std::size_t k = 0; k < out.size(); ++k) out[k] = all[monomials[k]];
  return out;
}

bool learnt(double coefficient) {
  return std::abs(coefficient - 1) < learnt_within;
}

}  // namespace

std::string CubeSubject::id() const {
  return name == "mlp" ? name : fmt::format("{}-{}", name, options.group);
}
std::string CubeSubject::title() const {
  if (name == "mlp") return "MLP";
  return fmt::format("{}, tokens of {} bit{}", name, options.group, options.group > 1 ? "s" : "");
}

std::vector<double> degree_spectrum(const CubeSubject& s, std::uint64_t seed) {
  const auto net = cube_network(s.name, s.options, {seed, 1});
  net->convert(DType::f64);
  const auto output = [&](nn::Context& ctx, const Vars& batch) {
    return select((*net)(ctx, batch[0]), 1, 0);
  };
  return cube_spectrum(
      per_sample_gradients(ParameterPoint(*net), output, {points_of(s).to(DType::f64)}));
}

Claim weak_bias_claim(const CubeSubject& s, const DegreeSpectra& spectra) {
  Claim c{.id = "weak-bias-" + s.id(),
          .statement = s.title() +
                       ": the tangent kernel's eigenvalues do not increase with the "
                       "degree, among even and among odd ones",
          .criterion =
              "mean over seeds of mu_k - mu_(k+2), divided by its standard error, >= -2 "
              "for every degree k; the value is the least"};
  if (spectra.size() < 3) {
    c.reason = "fewer than 3 repetitions";
    return c;
  }
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k + 2 < spectra[0].size(); ++k) {
    std::vector<double> falls;
    double scale = 0;
    for (const std::vector<double>& mu : spectra) {
      falls.push_back(mu[k] - mu[k + 2]);
      scale = std::max(scale, mu[k]);
    }
    const Estimate e = mean_over_units(falls);
    least = std::min(least, e.value / std::max(e.std_error.value_or(0), rounding * scale));
  }
  c.value = Estimate::exact(least, static_cast<std::int64_t>(spectra.size()));
  c.verdict = least >= -2 ? Verdict::reproduced : Verdict::not_reproduced;
  return c;
}

MonomialTraining::MonomialTraining(const CubeSubject& s, const LearningOptions& o,
                                   std::uint64_t seed)
    : options_(o),
      order_{seed, 2},
      net_(cube_network(s.name, s.options, {seed, 1})),
      points_(points_of(s)),
      target_(target_of(points_)),
      adam_(*net_, {.lr = o.lr}),
      course_{coefficients_of(*net_, points_)} {}

bool MonomialTraining::over() const {
  return std::ssize(course_) > options_.epochs || std::ranges::all_of(course_.back(), learnt);
}

void MonomialTraining::epoch() {
  const std::int64_t n = points_.size(0);
  const Tensor order =
      Tensor::from<std::int64_t>(permutation(philox::fold_in(order_, course_.size()), n), {n});
  for (std::int64_t begin = 0; begin < n; begin += options_.batch) {
    const Tensor rows = order.slice(0, begin, std::min(begin + options_.batch, n));
    const Var x = index_select(points_, 0, rows), y = index_select(target_, 0, rows);
    adam_.step(nn::value_and_grad(*net_, [&](nn::Context& ctx) {
                 return make_vars(mean(square(select((*net_)(ctx, x), 1, 0) - y)));
               }).grads);
  }
  course_.push_back(coefficients_of(*net_, points_));
  if (!std::ranges::all_of(course_.back(), [](double c) { return std::isfinite(c); }))
    fail(ErrorCode::numeric, "train", "a Fourier coefficient is not finite after epoch {}",
         course_.size() - 1);
}

void MonomialTraining::save(Checkpoint& c) const {
  c.state["course"] = course_;
  c.add("model.", nn::state_dict(*net_));
  c.add("optimizer.", adam_.state());
}

void MonomialTraining::restore(const Checkpoint& c) {
  try {
    course_ = c.state.at("course").get<Coefficients>();
  } catch (const Json::exception& e) {
    fail(ErrorCode::format, "checkpoint", "{}", e.what());
  }
  if (course_.empty()) fail(ErrorCode::format, "checkpoint", "a training without its beginning");
  nn::load_state_dict(*net_, c.tensors_under("model."));
  adam_.load_state(c.tensors_under("optimizer."));
}

std::int64_t learnt_at(const Coefficients& course, int degree) {
  for (std::size_t epoch = 0; epoch < course.size(); ++epoch)
    if (learnt(course[epoch][static_cast<std::size_t>(degree - 1)]))
      return static_cast<std::int64_t>(epoch);
  return -1;
}

Claim order_claim(const CubeSubject& s, const std::vector<Coefficients>& courses) {
  std::int64_t ordered = 0, unfinished = 0;
  for (const Coefficients& course : courses) {
    bool rises = true, all = true;
    for (int k = 1; k <= greatest_degree; ++k) {
      const std::int64_t now = learnt_at(course, k), before = k > 1 ? learnt_at(course, k - 1) : -1;
      all &= now >= 0;
      // What is not learnt may come yet, but not before what has been.
      rises &= k == 1 || now < 0 || (before >= 0 && before < now);
    }
    ordered += rises && all;
    unfinished += rises && !all;
  }
  const auto n = static_cast<std::int64_t>(courses.size());
  Claim c{.id = "order-" + s.id(),
          .statement = s.title() + ": monomials are learnt in the order of their degrees",
          .criterion = fmt::format("in every repetition the first epochs at which the coefficients "
                                   "of degrees 1 to {} are within {} of 1 ascend; the value is the "
                                   "share in which they do",
                                   greatest_degree, learnt_within),
          .value = proportion(ordered, n)};
  c.verdict = ordered == n                ? Verdict::reproduced
              : ordered + unfinished == n ? Verdict::inconclusive
                                          : Verdict::not_reproduced;
  if (c.verdict == Verdict::inconclusive)
    c.reason = fmt::format("in {} of {} repetitions not all degrees were learnt", unfinished, n);
  return c;
}

}  // namespace sonde::experiments
