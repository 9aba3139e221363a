#include "analysis/blowup.hpp"

#include <algorithm>

#include "autograd/ops.hpp"

namespace sonde {
namespace {

void check(const TappedValues& entering, const BlowupOptions& o) {
  const auto count = static_cast<std::int64_t>(entering.size());
  if (entering.empty() || !(o.eps >= 0) || o.read_at_last_token < 0 || o.read_at_last_token > count)
    fail(ErrorCode::value, "blowup", "{} norms, eps {}, the last {} read at the last token", count,
         o.eps, o.read_at_last_token);
  const Tensor& first = entering.front().second;
  for (const auto& [point, x] : entering)
    if (x.rank() != 3 || x.numel() == 0 || x.size(0) != first.size(0) || x.size(1) != first.size(1))
      fail_hint(ErrorCode::shape, "blowup", "networks with batch_first = false have other axes",
                "'{}' is {}, not [n, tokens, features] like the first, {}", point, x.spec(),
                first.spec());
}

// Of each token, [n, tokens].
Var stretches(const Var& x, const BlowupOptions& o) {
  if (o.form == BlowupForm::measured) return reciprocal(std(x, {2}));
  return 1.0 + rsqrt(var(x, {2}, 0) + o.eps);
}

Var over_tokens(const Var& each, OverTokens how) {
  return how == OverTokens::max ? amax(each, {1}) : mean(each, {1});
}

}  // namespace

Sample layer_norm_blowup(const TappedValues& entering, const BlowupOptions& o) {
  check(entering, o);
  const bool product = o.norms == OverNorms::product;
  Var total;
  for (std::size_t k = 0; k < entering.size(); ++k) {
    Var x = to(entering[k].second, DType::f64);
    if (static_cast<std::int64_t>(entering.size() - k) <= o.read_at_last_token)
      x = slice(x, 1, x.size(1) - 1, x.size(1));
    const Var each = over_tokens(stretches(x, o), o.tokens);
    total = !total ? each : product ? mul(total, each) : add(total, each);
  }
  return total.tensor().to_vector<double>();
}

}  // namespace sonde
