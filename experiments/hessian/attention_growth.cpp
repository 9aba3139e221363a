#include "experiments/hessian/attention_growth.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "analysis/attention_hessian.hpp"
#include "analysis/statistics.hpp"
#include "autograd/ops.hpp"
#include "experiments/hessian/random_layers.hpp"

namespace sonde::experiments {
namespace {

constexpr LayerSizes sizes{6, 8, 8, 8};
constexpr int points = 17;             // sigma = 10^-3, 10^-2.75, ... 10
constexpr double small_sigma = 0.032;  // what the slopes are taken over
constexpr double tolerance = 0.03;     // of a slope
constexpr std::size_t blocks = 6;

struct Block6 {
  const char *name, *row, *column;
};
constexpr std::array<Block6, blocks> block_list{{{"VV", "W_V", "W_V"},
                                                 {"QQ", "W_Q", "W_Q"},
                                                 {"KK", "W_K", "W_K"},
                                                 {"QK", "W_Q", "W_K"},
                                                 {"VQ", "W_V", "W_Q"},
                                                 {"VK", "W_V", "W_K"}}};
enum Part { outer, functional };
constexpr std::array<const char*, 2> part_names{"outer-product", "functional"};
constexpr std::array<const char*, 2> part_ids{"outer", "functional"};

// Exponents of sigma by block; 0 for a block that is 0.
struct Law {
  nn::AttentionScore score;
  const char *id, *name;
  std::array<std::array<double, blocks>, 2> exponents;
};
constexpr std::array<Law, 2> laws{{{nn::AttentionScore::softmax,
                                    "softmax",
                                    "softmax attention",
                                    {{{2, 6, 6, 6, 4, 4}, {0, 5, 5, 3, 3, 3}}}},
                                   {nn::AttentionScore::linear,
                                    "linear",
                                    "linear attention",
                                    {{{6, 6, 6, 6, 6, 6}, {0, 0, 0, 3, 3, 3}}}}}};

double sigma_at(int i) {
  return std::pow(10.0, -3 + 4.0 * i / (points - 1));
}
AttentionHessianTerms terms_at(const LayerSizes& s, double sigma, std::uint64_t seed,
                               nn::AttentionScore score) {
  const double weight_std = 1 / std::sqrt(static_cast<double>(s.d));
  const auto [layer, target] = random_layer(s, seed, sigma, weight_std, {.score = score});
  return attention_hessian_terms(layer, row_loss(*mse_loss(target), attention_output(layer)));
}

double block_norm(const Tensor& h, const Space& space, const Block6& b) {
  return norm(block_of(h, space, b.row, b.column)).item();
}

// norms[part][block][layer][sigma]
using Norms = std::array<std::array<std::vector<Sample>, blocks>, 2>;

Norms measured(const Law& law, std::uint64_t seed, std::int64_t seeds,
               const std::function<void()>& progress) {
  Norms norms;
  for (std::int64_t i = 0; i < seeds; ++i) {
    for (auto& part : norms)
      for (auto& block : part) block.emplace_back();
    for (int p = 0; p < points; ++p) {
      const AttentionHessianTerms t =
          terms_at(sizes, sigma_at(p), seed + static_cast<std::uint64_t>(i), law.score);
      const std::array<Tensor, 2> parts{outer_product_hessian(t), functional_hessian(t)};
      for (std::size_t part = 0; part < 2; ++part)
        for (std::size_t b = 0; b < blocks; ++b)
          norms[part][b].back().push_back(block_norm(parts[part], t.space, block_list[b]));
    }
    progress();
  }
  return norms;
}

// The slope of each layer.
Estimate small_slope(const std::vector<Sample>& layers) {
  std::vector<double> slopes;
  for (const Sample& one : layers) {
    std::vector<double> x, y;
    for (int p = 0; p < points && sigma_at(p) <= small_sigma; ++p) {
      x.push_back(std::log(sigma_at(p)));
      y.push_back(std::log(one[static_cast<std::size_t>(p)]));
    }
    slopes.push_back(slope(x, y));
  }
  return mean_over_units(slopes);
}

Claim growth_claim(const Law& law, std::size_t part, std::size_t b,
                   const std::vector<Sample>& layers) {
  const std::string name = block_list[b].name,
                    id = fmt::format("growth-{}-{}-{}", law.id, part_ids[part], name);
  const double exponent = law.exponents[part][b];
  const std::string of =
      fmt::format("{}: the {} part of block {}", law.name, part_names[part], name);
  if (exponent == 0) {
    double greatest = 0;
    for (const Sample& one : layers) greatest = std::max(greatest, std::ranges::max(one));
    return check(id, of + " is 0 at any scale of the data", "norm = 0",
                 Estimate::exact(greatest, static_cast<std::int64_t>(layers.size()), points),
                 greatest == 0);
  }
  return judge_within(
      id, fmt::format("{} grows as sigma^{:g} while the data is small", of, exponent),
      fmt::format("95 % interval over random layers of the slope of log norm by log sigma for "
                  "sigma <= 0.03 lies within {:g} of {:g}",
                  tolerance, exponent),
      small_slope(layers), {exponent - tolerance, exponent + tolerance});
}

CaptionedFigure growth_figure(const Law& law, std::size_t part,
                              const std::array<std::vector<Sample>, blocks>& norms) {
  Figure f(fmt::format("growth_{}_{}", law.id, part_ids[part]),
           fmt::format("{}, {} part", law.name, part_names[part]),
           {.label = "scale of the data σ", .log = true},
           {.label = "norm of the block", .log = true});
  std::vector<std::string> names, shown;
  for (const Block6& b : block_list) names.emplace_back(b.name);
  f.colour_order(names);
  for (std::size_t b = 0; b < blocks; ++b) {
    if (law.exponents[part][b] == 0) continue;
    std::vector<double> x, middle, low, high;
    for (std::size_t p = 0; p < points; ++p) {
      Sample at;
      for (const Sample& layer : norms[b]) at.push_back(layer[p]);
      x.push_back(sigma_at(static_cast<int>(p)));
      middle.push_back(quantile(at, 0.5));
      low.push_back(std::ranges::min(at));
      high.push_back(std::ranges::max(at));
    }
    f.band(names[b], x, low, high);
    f.line(names[b], x, middle);
    shown.push_back(fmt::format("{} {:g}", names[b], law.exponents[part][b]));
  }
  return {std::move(f),
          fmt::format("Median over random layers, band from the least to the greatest. "
                      "Exponents of σ for small data: {}. Blocks that are 0 are not "
                      "drawn.",
                      fmt::join(shown, ", "))};
}

void add_rows(Table& table, const Law& law, std::size_t part, std::size_t b,
              const std::vector<Sample>& layers) {
  for (std::size_t i = 0; i < layers.size(); ++i)
    for (std::size_t p = 0; p < points; ++p)
      table.add({law.id, part_ids[part], block_list[b].name, std::to_string(i),
                 csv_number(sigma_at(static_cast<int>(p))), csv_number(layers[i][p])});
}

}  // namespace

std::int64_t attention_growth_steps(std::int64_t seeds) {
  return static_cast<std::int64_t>(laws.size()) * seeds;
}

AttentionGrowth attention_growth(std::uint64_t seed, std::int64_t seeds,
                                 const std::function<void()>& progress) {
  AttentionGrowth out{
      .claims = {},
      .figures = {},
      .table = {.columns = {"attention", "part", "block", "layer", "sigma", "norm"}}};
  for (const Law& law : laws) {
    const Norms norms = measured(law, seed, seeds, progress);
    for (std::size_t part = 0; part < 2; ++part) {
      for (std::size_t b = 0; b < blocks; ++b) {
        out.claims.push_back(growth_claim(law, part, b, norms[part][b]));
        add_rows(out.table, law, part, b, norms[part][b]);
      }
      out.figures.push_back(growth_figure(law, part, norms[part]));
    }
  }
  return out;
}

CaptionedFigure attention_map(std::uint64_t seed) {
  Figure f("hessian_map", "The Hessian, with and without softmax", {.label = "weights"},
           {.label = "weights"});
  f.colour_scale({.label = "log10 |element|"});
  constexpr LayerSizes small{6, 4, 4, 4};
  constexpr double sigma = 0.3, floor = 1e-8;
  for (const Law& law : laws) {
    const AttentionHessianTerms t = terms_at(small, sigma, seed, law.score);
    const Var h = Var(outer_product_hessian(t)) + functional_hessian(t);
    const std::vector<double> map =
        (log(abs(h) + floor) / std::log(10.0)).tensor().to_vector<double>();
    f.heat_map(law.id, h.size(0), h.size(1), map);
  }
  return {
      std::move(f),
      fmt::format("Rows and columns are W_Q, W_K, W_V, {} elements each, for data of scale {:g}; "
                  "elements below {:g} are shown as that. Softmax makes the blocks of queries "
                  "and keys small, and leaves that of the values.",
                  small.d * small.k, sigma, floor)};
}

}  // namespace sonde::experiments
