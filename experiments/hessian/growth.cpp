#include "experiments/hessian/growth.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "analysis/gauss_newton.hpp"
#include "analysis/linear_mlp_hessian.hpp"
#include "analysis/rows.hpp"
#include "autograd/ops.hpp"
#include "experiments/hessian/addition_networks.hpp"
#include "nn/init.hpp"

namespace sonde::experiments {
namespace {

// The authors' squared error compares logits with the tokens at the same positions, not the next.
LikelihoodPtr loss_of(const GrowthSetting& s, const Tensor& tokens) {
  if (!s.squared_error) return cross_entropy_loss(addition::targets(tokens));
  const Tensor same = tokens.slice(1, addition::first_answer - 1, addition::length - 1);
  return mse_loss(one_hot(same.contiguous().reshape({tokens.size(0) * addition::answers}),
                          addition::vocabulary, DType::f64),
                  Reduction::sum);
}

// sqrt of the mean of |A v|^2 over Rademacher vectors v, whose expectation is the squared norm.
double norm_by(const Tensor& products) {
  std::vector<double> squares = row_norms(products);
  for (double& v : squares) v *= v;
  return std::sqrt(mean(squares));
}

void fill(GrowthPoint& p, const HessianParts& parts, const GrowthSetting& s, std::uint64_t seed) {
  const Space& space = parts.hessian.domain();
  if (s.vectors == 0) {
    const Var h = dense(parts.hessian), g = dense(parts.gauss_newton);
    p.whole = norm(h).item();
    p.outer = norm(g).item();
    p.functional = norm(h - g).item();
    return;
  }
  const PairedProducts products =
      paired_products(parts, random_rows({seed, 3}, 0, s.vectors, space, Probe::rademacher));
  p.whole = norm_by(products.hessian);
  p.outer = norm_by(products.gauss_newton);
  p.functional = norm_by(products.functional);
}

std::unique_ptr<nn::Module> network_at(const GrowthSetting& s, double x, philox::Key key) {
  if (s.network == GrowthNetwork::cnn) return std::make_unique<AdditionCnn>(key, x);
  if (s.network == GrowthNetwork::lstm) return std::make_unique<AdditionLstm>(key, x);
  SmallTransformerOptions options = s.net;
  (s.variable == GrowthVariable::scale ? options.embedding_std : options.temperature) = x;
  return std::make_unique<SmallTransformer>(options, key);
}

std::string path_of(const GrowthSetting& s, std::int64_t layer, const std::string& block) {
  if (s.network == GrowthNetwork::cnn) return block + ".weight";
  if (s.network == GrowthNetwork::lstm) return fmt::format("lstm.{}_l{}", block, layer);
  return fmt::format("blocks.{}.attn.{}", layer, block);
}

// Of one block of a layer. Off the diagonal it is cut out of the maps of attention's weights.
HessianParts parts_of(const nn::Module& net, const GrowthSetting& s, const GrowthPoint& p,
                      const Tensor& tokens, const LikelihoodPtr& loss) {
  const std::size_t dash = p.block.find('-');
  const bool diagonal = dash == std::string::npos;
  const ParameterPoint at(net, path_of(s, p.layer, diagonal ? p.block : "W_*"));
  const Function logits =
      at.function([&](nn::Context& ctx) { return addition::answer_rows(net(ctx, tokens)); });
  HessianParts parts = hessian_parts(logits, loss, at);
  if (diagonal) return parts;
  const std::string row = path_of(s, p.layer, p.block.substr(0, dash)),
                    column = path_of(s, p.layer, p.block.substr(dash + 1));
  return {parts.hessian.restricted(row, column), parts.gauss_newton.restricted(row, column),
          parts.functional.restricted(row, column)};
}

using Pause = std::function<void(const GrowthPoints&)>;

// By linear_mlp_hessian_block(): there is no functional part, whatever the targets.
GrowthPoints measure_linear_mlp(const GrowthSetting& s, std::uint64_t seed, Device device,
                                const Pause& pause, GrowthPoints points) {
  const Tensor tokens = addition::batch(s.sequences, {seed, 2})
                            .slice(1, addition::first_answer - 1, addition::length - 1)
                            .contiguous()
                            .reshape({s.sequences * addition::answers})
                            .to(device);
  const double bound = 1 / std::sqrt(static_cast<double>(s.net.width));
  std::size_t next = 0;
  for (std::int64_t repeat = 0; repeat < s.repeats; ++repeat) {
    const philox::Key key{seed + static_cast<std::uint64_t>(repeat), 1};
    const Var table = nn::normal_init({addition::vocabulary, s.net.width}, 0, 1,
                                      philox::child(key, 0), DType::f64)
                          .to(device);
    Tensors weights;
    for (std::int64_t l = 0; l < s.net.layers; ++l)
      weights.push_back(
          nn::uniform_init({l + 1 < s.net.layers ? s.net.width : addition::vocabulary, s.net.width},
                           bound, philox::child(key, 1 + static_cast<std::uint64_t>(l)), DType::f64)
              .to(device));
    for (const double sigma : s.x) {
      const Tensor inputs = embedding(tokens, table * sigma).tensor();
      for (std::int64_t l = 0; l < s.net.layers; ++l) {
        if (next++ < points.size()) continue;
        const double norm =
            frobenius_norm(linear_mlp_hessian_block(inputs, weights, static_cast<std::size_t>(l)));
        points.push_back({l, growth_blocks(s)[0], sigma, repeat, norm, norm, 0});
        if (pause) pause(points);
      }
    }
  }
  return points;
}

}  // namespace

const char* symbol(GrowthVariable variable) {
  return variable == GrowthVariable::scale ? "sigma" : "t";
}

const std::vector<std::string>& growth_blocks(const GrowthSetting& s) {
  static const std::vector<std::string> attention{"W_Q", "W_V"}, linear{"W"},
      all{"W_Q", "W_K", "W_V", "W_Q-W_K", "W_V-W_Q", "W_V-W_K"},
      all_of_single{"W_QK", "W_V", "W_V-W_QK"}, convolutions{"conv1", "conv2"},
      recurrent{"weight_ih", "weight_hh"};
  if (s.network == GrowthNetwork::linear_mlp) return linear;
  if (s.network == GrowthNetwork::cnn) return convolutions;
  if (s.network == GrowthNetwork::lstm) return recurrent;
  if (!s.all_blocks) return attention;
  return s.net.single_matrix ? all_of_single : all;
}

std::int64_t growth_points(const GrowthSetting& s) {
  return s.repeats * static_cast<std::int64_t>(s.x.size() * growth_blocks(s).size()) * s.net.layers;
}

GrowthPoints measure_growth(const GrowthSetting& s, std::uint64_t seed, const Pause& pause,
                            GrowthPoints points, Device device) {
  if (s.network == GrowthNetwork::linear_mlp)
    return measure_linear_mlp(s, seed, device, pause, std::move(points));
  const Tensor tokens = addition::batch(s.sequences, {seed, 2}).to(device);
  const LikelihoodPtr loss = loss_of(s, tokens);
  std::size_t next = 0;
  for (std::int64_t repeat = 0; repeat < s.repeats; ++repeat)
    for (const double x : s.x) {
      const std::uint64_t one = seed + static_cast<std::uint64_t>(repeat);
      const std::unique_ptr<nn::Module> net = network_at(s, x, {one, 1});
      net->to(device);
      for (std::int64_t layer = 0; layer < s.net.layers; ++layer)
        for (const std::string& block : growth_blocks(s)) {
          if (next++ < points.size()) continue;
          GrowthPoint p{.layer = layer, .block = block, .x = x, .repeat = repeat};
          fill(p, parts_of(*net, s, p, tokens, loss), s, one);
          points.push_back(std::move(p));
          if (pause) pause(points);
        }
    }
  return points;
}

std::vector<Sample> series(const GrowthPoints& points, std::int64_t layer, const std::string& block,
                           GrowthPart part, double low, double high) {
  std::vector<Sample> out;
  for (const GrowthPoint& p : points) {
    if (p.layer != layer || p.block != block || p.x < low || p.x > high) continue;
    out.resize(std::max(out.size(), static_cast<std::size_t>(p.repeat) + 1));
    out[static_cast<std::size_t>(p.repeat)].push_back(p.*part);
  }
  return out;
}

Estimate growth_slope(const GrowthPoints& points, std::int64_t layer, const std::string& block,
                      GrowthPart part, double low, double high) {
  std::vector<double> x;
  for (const GrowthPoint& p : points)
    if (p.layer == layer && p.block == block && p.repeat == 0 && p.x >= low && p.x <= high)
      x.push_back(std::log(p.x));
  std::vector<double> slopes;
  for (Sample y : series(points, layer, block, part, low, high)) {
    for (double& v : y) v = std::log(v);
    slopes.push_back(slope(x, y));
  }
  return mean_over_units(slopes);
}

}  // namespace sonde::experiments
