// Cross-entropy and its Hessian with respect to the logits. Per row, with p = softmax(z) and w the
// sum of the row's target probabilities (0 if it is ignored):
//   H = w (diag(p) - p p'),  H v = w p (v - <p, v>),  H = S S' with
//   S = sqrt(w) (diag(sqrt p) - p sqrt(p)'),  S' v = sqrt(w) sqrt(p) (v - <p, v>).
#include "analysis/output_loss.hpp"
#include "autograd/ops.hpp"

namespace sonde {
namespace {

class CrossEntropyLoss final : public Likelihood {
 public:
  CrossEntropyLoss(Var target, CrossEntropyLossOptions options)
      : target_(std::move(target)), options_(options) {
    if (options.reduction == Reduction::none)
      fail_hint(ErrorCode::value, name(), "take sum or mean",
                "a loss with reduction none is no scalar");
    const Var counted = soft() ? Var(Tensor::scalar(static_cast<double>(soft_rows())))
                               : sum(ne(target_, static_cast<double>(options.ignore_index)));
    scale_ = options.reduction == Reduction::sum ? 1 : 1 / counted.item();
  }
  std::string name() const override { return "cross_entropy"; }
  Var value(const Var& z) const override {
    return cross_entropy(z, target_, options_.reduction, options_.ignore_index,
                         options_.label_smoothing);
  }
  double scale() const override { return scale_; }
  std::int64_t samples(const Var& z) const override { return z.rank() == 1 ? 1 : z.size(0); }

  Var hessian_product(const Var& z, const Var& v) const override {
    const Var p = softmax(z, axis(z));
    return mul(mul(centred(p, v), p), mul(weights(z), scale_));
  }
  Var root_product(const Var& z, const Var& v) const override {
    const Var p = softmax(z, axis(z)), root = sqrt(p), along = sum(mul(root, v), {back(z)}, true);
    return mul(sub(mul(root, v), mul(p, along)), sqrt(mul(weights(z), scale_)));
  }
  Var root_transposed_product(const Var& z, const Var& v) const override {
    const Var p = softmax(z, axis(z));
    return mul(mul(centred(p, v), sqrt(p)), sqrt(mul(weights(z), scale_)));
  }
  // p - y with y drawn from p: the largest of logits with Gumbel noise (Gumbel 1954).
  Var drawn_scores(const Var& z, const Var& key) const override {
    const Var noise = neg(log(neg(log(uniform(key, z.shape(), 0, 1, z.dtype())))));
    const Var drawn = argmax(add(z, noise), axis(z));
    const Var y = movedim(one_hot(drawn, z.size(axis(z)), z.dtype()), -1, axis(z));
    return mul(sub(softmax(z, axis(z)), y), sqrt(weights(z)));
  }

 private:
  static int axis(const Var& z) { return z.rank() == 1 ? 0 : 1; }
  // The same axis, counted from the end: right for one z and for vectors [n, ...].
  static int back(const Var& z) { return axis(z) - z.rank(); }
  bool soft() const { return is_float(target_.dtype()); }
  std::int64_t soft_rows() const { return target_.numel() / target_.size(axis(target_)); }

  // v - <p, v>
  static Var centred(const Var& p, const Var& v) { return sub(v, sum(mul(p, v), {back(p)}, true)); }
  // w, to be multiplied with z.
  Var weights(const Var& z) const {
    if (!soft())
      return unsqueeze(to(ne(target_, static_cast<double>(options_.ignore_index)), z.dtype()),
                       axis(z));
    const double s = options_.label_smoothing;
    return add(mul(sum(target_, {axis(z)}, true), 1 - s), s);
  }

  const Var target_;
  const CrossEntropyLossOptions options_;
  double scale_ = 1;
};

}  // namespace

LikelihoodPtr cross_entropy_loss(Var target, CrossEntropyLossOptions options) {
  return std::make_shared<CrossEntropyLoss>(std::move(target), options);
}

}  // namespace sonde
