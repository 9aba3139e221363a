#include "experiments/tokens/data.hpp"

#include <cmath>

#include "experiments/common/draws.hpp"
#include "experiments/data/loader.hpp"

namespace sonde::experiments {
namespace {

// One of low ... low + count - 1.
std::int64_t among(Draws& draw, std::int64_t low, std::int64_t count) {
  return low + draw.below(count);
}

void check(const TokenWorld& w) {
  if (w.most_sparse < 1 || w.least_majority > w.greatest_majority ||
      w.greatest_majority > w.frequent_count || w.most_sparse + w.frequent_count > w.length)
    fail(ErrorCode::value, "TokenWorld",
         "1 to {} sparse and {} frequent tokens, {} to {} of one kind, do not make up {}",
         w.most_sparse, w.frequent_count, w.least_majority, w.greatest_majority, w.length);
}

// The tokens of one string, kind by kind.
std::vector<std::int64_t> string_of(const TokenWorld& w, Draws& draw, bool label) {
  const std::int64_t sparse = among(draw, 1, w.most_sparse),
                     majority =
                         among(draw, w.least_majority, w.greatest_majority - w.least_majority + 1),
                     frequent_from = 2 * w.sparse, irrelevant_from = frequent_from + 2 * w.frequent;
  const bool side = w.cue == SparseCue::conflict ? !label : label;
  std::vector<std::int64_t> out;
  for (std::int64_t i = 0; i < sparse; ++i)
    out.push_back(w.cue == SparseCue::random ? among(draw, 0, 2 * w.sparse)
                                             : among(draw, side ? 0 : w.sparse, w.sparse));
  for (std::int64_t i = 0; i < w.frequent_count; ++i)
    out.push_back(
        among(draw, frequent_from + ((i < majority) == label ? 0 : w.frequent), w.frequent));
  while (std::ssize(out) < w.length) out.push_back(among(draw, irrelevant_from, w.irrelevant));
  return out;
}

double binomial(std::int64_t n, std::int64_t k) {
  double out = 1;
  for (std::int64_t i = 0; i < k; ++i)
    out *= static_cast<double>(n - i) / static_cast<double>(i + 1);
  return out;
}

}  // namespace

TokenSet draw_tokens(const TokenWorld& w, std::int64_t n, philox::Key key) {
  check(w);
  std::vector<std::int64_t> tokens;
  std::vector<float> labels;
  for (std::int64_t i = 0; i < n; ++i) {
    const philox::Key own = philox::fold_in(key, static_cast<std::uint64_t>(i));
    Draws draw(own);
    const bool label = draw.below(2) == 1;
    const std::vector<std::int64_t> string = string_of(w, draw, label);
    for (const std::int64_t at : permutation(philox::fold_in(own, 0), w.length))
      tokens.push_back(string[static_cast<std::size_t>(at)]);
    labels.push_back(label ? 1.0F : 0.0F);
  }
  return {Tensor::from<std::int64_t>(tokens, {n, w.length}), Tensor::from<float>(labels, {n})};
}

std::vector<TokenCounts> counts_of(const TokenWorld& w, const Tensor& tokens) {
  std::vector<std::size_t> kind;
  const TokenCounts kinds = w.kinds();
  for (std::size_t k = 0; k < token_kinds; ++k)
    kind.insert(kind.end(), static_cast<std::size_t>(kinds[k]), k);
  std::vector<TokenCounts> out(static_cast<std::size_t>(tokens.size(0)));
  const std::vector<std::int64_t> all = tokens.to_vector<std::int64_t>();
  const auto length = static_cast<std::size_t>(tokens.size(1));
  for (std::size_t i = 0; i < all.size(); ++i)
    ++out[i / length][kind.at(static_cast<std::size_t>(all[i]))];
  return out;
}

void for_compositions(const TokenWorld& w,
                      const std::function<void(const TokenCounts&, bool, double)>& f) {
  check(w);
  const double each = 1.0 / (2.0 * static_cast<double>(w.most_sparse) *
                             static_cast<double>(w.greatest_majority - w.least_majority + 1));
  for (const bool label : {false, true})
    for (std::int64_t sparse = 1; sparse <= w.most_sparse; ++sparse)
      for (std::int64_t majority = w.least_majority; majority <= w.greatest_majority; ++majority) {
        const std::int64_t minority = w.frequent_count - majority,
                           rest = w.length - sparse - w.frequent_count;
        const auto with = [&](std::int64_t positive, double p) {
          f({positive, sparse - positive, label ? majority : minority, label ? minority : majority,
             rest},
            label, p * each);
        };
        if (w.cue == SparseCue::random)
          for (std::int64_t positive = 0; positive <= sparse; ++positive)
            with(positive, binomial(sparse, positive) * std::ldexp(1.0, -static_cast<int>(sparse)));
        else
          with((w.cue == SparseCue::label) == label ? sparse : 0, 1);
      }
}

}  // namespace sonde::experiments
