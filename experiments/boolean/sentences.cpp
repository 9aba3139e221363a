#include "experiments/boolean/sentences.hpp"

#include <algorithm>

#include "autograd/ops.hpp"
#include "experiments/common/draws.hpp"
#include "nn/loss.hpp"

namespace sonde::experiments {
namespace {

enum Column : std::int64_t { tokens, positions, labels };

Var column(const Var& rows, Column c) {
  return select(rows, 2, c);
}

std::vector<std::int64_t> bits_of(Draws& draws, std::int64_t n, bool uniform_ones) {
  std::vector<std::int64_t> bits(static_cast<std::size_t>(n));
  if (!uniform_ones) {
    for (std::int64_t& b : bits) b = draws.below(2);
    return bits;
  }
  std::fill_n(bits.begin(), draws.below(n + 1), 1);
  for (std::int64_t i = n; i > 1; --i)  // Fisher and Yates
    std::swap(bits[static_cast<std::size_t>(i - 1)],
              bits[static_cast<std::size_t>(draws.below(i))]);
  return bits;
}

// Appends a sentence of `steps` rows: token, position, label.
void append(std::vector<std::int64_t>& rows, const std::vector<std::int64_t>& bits,
            std::int64_t answer, std::int64_t first, std::int64_t steps, std::int64_t positions) {
  std::vector<std::int64_t> tokens{bos};
  tokens.insert(tokens.end(), bits.begin(), bits.end());
  tokens.insert(tokens.end(), {sep, answer, eos});
  tokens.resize(static_cast<std::size_t>(steps), pad);
  const std::size_t at = bits.size() + 1;  // of the separator
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    const bool labelled = t == at || t == at + 1;
    rows.insert(rows.end(),
                {tokens[t], std::min(first + static_cast<std::int64_t>(t), positions - 1),
                 labelled ? tokens[t + 1] : unlabelled});
  }
}

}  // namespace

BitSource sentences(const Target& target, const SentenceOptions& o) {
  if (o.strings < 1 || o.shortest < 1 || o.shortest > o.longest || o.longest + 4 > o.positions)
    fail(ErrorCode::value, "sentences", "{} of {} to {} bits and 4 more at {} positions", o.strings,
         o.shortest, o.longest, o.positions);
  return [answers = target.labels, o](philox::Key key) {
    std::vector<std::int64_t> rows;
    for (std::int64_t i = 0; i < o.strings; ++i) {
      Draws draws(philox::fold_in(key, static_cast<std::uint64_t>(i)));
      const std::int64_t n = o.shortest + draws.below(o.longest - o.shortest + 1),
                         first = draws.below(o.positions - n - 4 + 1);
      const std::vector<std::int64_t> bits = bits_of(draws, n, o.uniform_ones);
      const double answer = answers(Tensor::from<std::int64_t>(bits, {1, n})).at({0});
      append(rows, bits, answer > 0.5 ? 1 : 0, first, o.longest + 4, o.positions);
    }
    return Tensor::from<std::int64_t>(rows, {o.strings, o.longest + 4, 3});
  };
}

SentenceModel::SentenceModel(philox::Key key, Options o)
    : gpt_(key, {.vocab = sentence_tokens,
                 .context = o.positions,
                 .dim = o.width,
                 .depth = o.layers,
                 .heads = o.heads}) {
  child("gpt", gpt_);
}

Var SentenceModel::forward(nn::Context& ctx, Var rows) const {
  if (rows.rank() != 3 || rows.size(2) != 3)
    fail(ErrorCode::shape, "SentenceModel", "takes sentences [B, T, 3], not {}", rows.shape());
  return gpt_.predict(ctx, column(rows, tokens), column(rows, positions));
}

Var sentence_loss(const Var& logits, const Tensor& rows) {
  return cross_entropy(flatten(logits, 0, 1), flatten(column(rows, labels)), Reduction::mean,
                       unlabelled);
}

double right_sentences(const Tensor& logits, const Tensor& rows) {
  const Var wanted = column(rows, labels), best = argmax(logits, 2),
            wrong = logical_and(ne(wanted, unlabelled), ne(best, wanted));
  return mean(to(logical_not(any(wrong, {1})), DType::f64)).item();
}

}  // namespace sonde::experiments
