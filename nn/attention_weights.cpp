#include "nn/attention_weights.hpp"

#include <limits>

#include "autograd/ops.hpp"

namespace sonde::nn {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Hides keys from softmax as well as -inf does, and leaves no NaN where all keys are hidden.
constexpr double hidden_score = -1e30;

Var of_seen(const Var& scores, AttentionScore score) {
  switch (score) {
    case AttentionScore::softmax:
      return softmax(scores, -1);
    case AttentionScore::relu:
      return relu(scores);
    case AttentionScore::relu2_l1: {
      const Var squares = square(relu(scores));
      return div(squares, clamp(sum(squares, {-1}, true), 1e-12, infinity));
    }
    case AttentionScore::linear:
      return scores;
  }
  fail(ErrorCode::value, "attention", "no score function {}", static_cast<int>(score));
}

}  // namespace

std::string_view to_string(AttentionScore score) {
  constexpr std::string_view names[] = {"softmax", "relu", "relu2_l1", "linear"};
  return names[static_cast<std::size_t>(score)];
}

void AttentionMask::hide(const Var& mask) {
  if (mask.dtype() == DType::boolean)
    restrict_to(logical_not(mask));
  else
    bias = bias ? add(bias, mask) : mask;
}

void AttentionMask::restrict_to(const Var& also_seen) {
  seen = seen ? logical_and(seen, also_seen) : also_seen;
}

Var AttentionMask::merged() const {
  return seen && bias ? where(seen, bias, -infinity) : seen ? seen : bias;
}

Var attention_weights(Var scores, const AttentionMask& mask, AttentionScore score) {
  AttentionMask all = mask;
  if (mask.bias) {
    scores = add(scores, mask.bias);
    all.restrict_to(ne(mask.bias, -infinity));
  }
  if (!all.seen) return of_seen(scores, score);
  if (score != AttentionScore::softmax)  // the others map 0 to 0
    return of_seen(where(all.seen, scores, 0.0), score);
  return where(all.seen, of_seen(where(all.seen, scores, hidden_score), score), 0.0);
}

}  // namespace sonde::nn
