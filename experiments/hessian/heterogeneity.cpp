#include "experiments/hessian/heterogeneity.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/gauss_newton.hpp"
#include "analysis/sampling.hpp"
#include "autograd/ops.hpp"

namespace sonde::experiments {
namespace {

constexpr double embedding_std = 0.2;  // what a width of 16 starts from
constexpr std::int64_t rows_at_a_time = 32;

struct Subject {
  Subject(const HeterogeneityOptions& o, std::uint64_t seed)
      : net({.width = o.width, .score = o.score, .embedding_std = embedding_std},
            philox::Key{seed, 1}),
        tokens(addition::batch(o.sequences, {seed, 2})),
        loss(cross_entropy_loss(addition::targets(tokens))) {}

  Function logits(const ParameterPoint& at) const {
    return at.function([this](nn::Context& ctx) { return net.answer_logits(ctx, tokens); });
  }

  SmallTransformer net;
  Tensor tokens;
  LikelihoodPtr loss;
};

double frobenius(const Var& a) {
  return norm(a).item();
}

}  // namespace

BlockSizes block_sizes(const nn::Module& net, const Tensor& tokens, std::string_view parameter) {
  const ParameterPoint at(net, parameter);
  const Function logits =
      at.function([&](nn::Context& ctx) { return addition::answer_rows(net(ctx, tokens)); });
  const HessianParts parts =
      hessian_parts(logits, cross_entropy_loss(addition::targets(tokens)), at);
  const Tensor h = dense(parts.hessian), outer = dense(parts.gauss_newton);
  const std::vector<double> values = eigh(h).values.tensor().to_vector<double>();
  BlockSizes b{.elements = abs(Var(h)).tensor().to_vector<double>(),
               .norm = frobenius(h),
               .outer = frobenius(outer),
               .functional = frobenius(Var(h) - outer),
               .least_eigenvalue = values.front(),
               .greatest_eigenvalue = values.back()};
  b.median = quantile(b.elements, 0.5);
  b.greatest = std::ranges::max(b.elements);
  return b;
}

Json to_json(const BlockSizes& b) {
  return {{"median", b.median},
          {"greatest", b.greatest},
          {"norm", b.norm},
          {"outer", b.outer},
          {"functional", b.functional},
          {"least_eigenvalue", b.least_eigenvalue},
          {"greatest_eigenvalue", b.greatest_eigenvalue}};
}

BlockSizes block_sizes_from_json(const Json& j) {
  return {.elements = {},
          .median = j.at("median"),
          .greatest = j.at("greatest"),
          .norm = j.at("norm"),
          .outer = j.at("outer"),
          .functional = j.at("functional"),
          .least_eigenvalue = j.at("least_eigenvalue"),
          .greatest_eigenvalue = j.at("greatest_eigenvalue")};
}

QueryAndValue query_and_value(const HeterogeneityOptions& o, std::uint64_t seed) {
  const Subject s(o, seed);
  return {block_sizes(s.net, s.tokens, "blocks.0.attn.W_Q"),
          block_sizes(s.net, s.tokens, "blocks.0.attn.W_V")};
}

WholeHessian whole_hessian(const HeterogeneityOptions& o, std::uint64_t seed,
                           const std::function<void(double)>& pause) {
  const Subject s(o, seed);
  const ParameterPoint at(s.net);
  const Function logits = s.logits(at);
  const LinearMap h = hessian_map([&](const Vars& p) { return s.loss->value(logits(p)[0]); }, at);
  const std::int64_t n = at.space.size();
  WholeHessian out{Tensor::empty({n, n}, DType::f64), {}};
  for (const Block& b : at.space.blocks()) out.blocks.emplace_back(b.name, b.size);
  for_unit_vectors(h, rows_at_a_time,
                   [&](std::int64_t begin, const Tensor&, const Tensor& products) {
                     const std::int64_t end = begin + products.size(0);
                     out.matrix.slice(0, begin, end).copy_from(products);
                     pause(static_cast<double>(end) / static_cast<double>(n));
                   });
  return out;
}

std::vector<double> coarse_map(const Tensor& matrix, std::int64_t cells, double floor) {
  const std::int64_t n = matrix.size(0);
  const std::vector<double> values = matrix.to_vector<double>();
  std::vector<double> sum(static_cast<std::size_t>(cells * cells), 0.0), count(sum.size(), 0.0);
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < n; ++j) {
      const auto cell = static_cast<std::size_t>(i * cells / n * cells + j * cells / n);
      sum[cell] += std::abs(values[static_cast<std::size_t>(i * n + j)]);
      ++count[cell];
    }
  for (std::size_t k = 0; k < sum.size(); ++k)
    sum[k] = std::log10(std::max(sum[k] / count[k], floor));
  return sum;
}

}  // namespace sonde::experiments
