// hessian_attention: the Hessian of self-attention in closed form, held to automatic
// differentiation, and how its blocks grow with the data.
#include "experiments/common/program.hpp"
#include "experiments/hessian/attention_growth.hpp"
#include "experiments/hessian/attention_proof.hpp"

namespace sonde::experiments {
namespace {

const About about{
    .name = "hessian_attention",
    .measures =
        "The Hessian of one self-attention layer in closed form, block by block: proved against "
        "automatic differentiation on random layers, and its growth with the scale of the data.",
    .paper =
        "Ormaniec, Dangel, Singh: What Does It Mean to Be a Transformer? Insights from a "
        "Theoretical Hessian Analysis (ICLR 2025, arXiv 2410.10986)",
    .cost =
        "two cores: --quick seconds, standard half a minute, --full minutes; memory below 100 MiB"};

struct Options {};

void declare(Cli& cli, Options&) {
  cli.default_seeds({3, 10, 100});
}

void measure(Run& run, Options&) {
  const std::uint64_t seed = run.settings().seed;
  const std::int64_t seeds = run.settings().seeds;
  Results& r = run.results;
  Progress progress = run.progress(
      "layers", attention_growth_steps(seeds) + attention_proof_steps(seeds), "layers");
  const auto next = [&] {
    progress.advance();
    run.stop_if_interrupted();
  };
  AttentionGrowth growth = attention_growth(seed, seeds, next);
  r.claims = {
      all_hold("growth",
               "Softmax makes the Hessian's blocks grow with different powers of the data's "
               "scale; without it they grow alike",
               "every exponent below is reproduced", growth.claims)};
  for (Claim& c : growth.claims) r.claims.push_back(std::move(c));
  for (Claim& c : attention_proof(seed, seeds, next)) r.claims.push_back(std::move(c));
  r.figures = std::move(growth.figures);
  r.figures.insert(r.figures.begin(), attention_map(seed));
  r.table = std::move(growth.table);
  r.notes = {
      "A layer F = A X W_V with scores X W_Q W_K' X' / sqrt(k). Its Hessian is the sum of an "
      "outer-product part J' (d2l/dF2) J, positive semi-definite, and a functional part, the "
      "gradient by the output times the output's second derivative. VV, QQ, ... are blocks by "
      "weights.",
      "The exponents follow from counting: a token counts 1, the covariance of the tokens under a "
      "row of attention 2, their third moment 3, and the residual 0 while the output is small "
      "beside the target. Saturated softmax (large data) ends the law for queries and keys. "
      "Without softmax every block of the outer-product part has exponent 6: the difference "
      "between the blocks is softmax's doing.",
      "n counts random layers. The layers differ in tokens, weights and targets, which are the "
      "same standard normal numbers at every scale."};
}

}  // namespace
}  // namespace sonde::experiments

int main(int argc, char** argv) {
  namespace program = sonde::experiments;
  return program::run_program(program::about, program::declare, program::measure, argc, argv);
}
