#include "optim/lbfgs.hpp"

#include <algorithm>
#include <cmath>

#include "autograd/ops.hpp"
#include "optim/line_search.hpp"

namespace sonde::optim {
namespace {

double inner(const Var& a, const Var& b) {
  return sum(a * b).item();
}
double greatest(const Var& x) {
  return amax(abs(x)).item();
}

}  // namespace

Lbfgs::Lbfgs(const Parameters& parameters, const Options& options)
    : parameters_(parameters), options_(options) {
  const Options& o = options_;
  if (!is_rate(o.lr) || o.max_iter < 1 || o.history_size < 1 || o.max_eval.value_or(1) < 1 ||
      !is_rate(o.tolerance_grad) || !is_rate(o.tolerance_change))
    fail(ErrorCode::value, "lbfgs",
         "lr {}, max_iter {}, history_size {}, max_eval {}, tolerances {}, {}", o.lr, o.max_iter,
         o.history_size, o.max_eval.value_or(1), o.tolerance_grad, o.tolerance_change);
  for (const NamedParameter& p : parameters_) {
    if (size_ == 0) dtype_ = p.value.dtype();
    if (p.value.dtype() != dtype_)
      fail(ErrorCode::dtype, "lbfgs", "{} is {}, others are {}", p.name, p.value.dtype(), dtype_);
    size_ += p.value.numel();
  }
  if (size_ == 0) fail(ErrorCode::value, "lbfgs", "there are no parameters");
}

void Lbfgs::set_lr(double lr) {
  if (!is_rate(lr)) fail(ErrorCode::value, "lbfgs", "learning rate {}", lr);
  options_.lr = lr;
}

Lbfgs::Point Lbfgs::evaluate(const std::function<Evaluation()>& f) {
  const Evaluation e = f();
  ++evaluations_;
  const std::vector<Tensor> grads = parameters_.checked(e.grads);
  Vars flat;
  for (std::size_t i = 0; i < grads.size(); ++i) {
    const Dims line{parameters_[i].value.numel()};
    flat.push_back(grads[i] ? grads[i].reshape(line)
                            : Tensor::zeros(line, dtype_, parameters_.device()));
  }
  const Var grad = concat(flat, 0);
  return options_.maximize ? Point{-e.loss, -grad} : Point{e.loss, grad};
}

// The last step and what it did to the gradient, unless it shows no positive curvature.
void Lbfgs::remember(const Var& grad) {
  const Var y = grad - prev_grad_, s = d_ * t_;
  const double curvature = inner(y, s);
  if (!(curvature > 1e-10)) return;
  if (static_cast<std::int64_t>(history_.size()) == options_.history_size)
    history_.erase(history_.begin());
  history_.push_back({y, s, 1 / curvature});
  h_diag_ = curvature / inner(y, y);
}

// -H grad by the two-loop recursion.
Var Lbfgs::direction(const Var& grad) const {
  Var q = -grad;
  std::vector<double> alpha(history_.size());
  for (std::size_t i = history_.size(); i-- > 0;) {
    const Pair& p = history_[i];
    alpha[i] = p.rho * inner(p.s, q);
    q = q - p.y * alpha[i];
  }
  q = q * h_diag_;
  for (std::size_t i = 0; i < history_.size(); ++i) {
    const Pair& p = history_[i];
    q = q + p.s * (alpha[i] - p.rho * inner(p.y, q));
  }
  return q;
}

Tensors Lbfgs::copies() const {
  Tensors out;
  for (const NamedParameter& p : parameters_) out.push_back(p.value.clone());
  return out;
}

// Parameters = from + t d.
void Lbfgs::move(const Tensors& from, double t) const {
  std::int64_t first = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const std::int64_t last = first + from[i].numel();
    const Var part = reshape(slice(d_, 0, first, last), from[i].shape());
    Tensor to = parameters_[i].value;
    to.copy_from((from[i] + part * t).tensor());
    first = last;
  }
}

Lbfgs::Point Lbfgs::search(const std::function<Evaluation()>& f, const Point& now, double slope,
                           std::int64_t max_evaluations) {
  const Tensors from = copies();
  const auto at = [&](double t) {
    move(from, t);
    const Point p = evaluate(f);
    return Trial{t, p.loss, p.grad, inner(p.grad, d_)};
  };
  const LineSearchResult found =
      strong_wolfe(at, {0, now.loss, now.grad, slope}, t_, greatest(d_),
                   {.tolerance_change = 1e-9, .max_evaluations = max_evaluations});
  t_ = found.best.t;
  move(from, t_);
  return {found.best.value, found.best.grad};
}

double Lbfgs::step(const std::function<Evaluation()>& f) {
  const Options& o = options_;
  const std::int64_t max_eval = o.max_eval.value_or(o.max_iter * 5 / 4);
  const std::int64_t before = evaluations_;
  Point now = evaluate(f);
  const double first_loss = o.maximize ? -now.loss : now.loss;
  if (greatest(now.grad) <= o.tolerance_grad) return first_loss;
  for (std::int64_t i = 1;; ++i) {
    if (++iterations_ > 1) remember(now.grad);
    d_ = direction(now.grad);
    prev_grad_ = now.grad;
    t_ = iterations_ == 1 ? std::min(1.0, 1 / sum(abs(now.grad)).item()) * o.lr : o.lr;
    const double slope = inner(now.grad, d_), loss = now.loss;
    if (slope > -o.tolerance_change) break;
    if (o.line_search_fn == LineSearch::strong_wolfe) {
      now = search(f, now, slope, max_eval - (evaluations_ - before));
    } else {
      move(copies(), t_);
      if (i != o.max_iter) now = evaluate(f);
    }
    if (i == o.max_iter || evaluations_ - before >= max_eval ||
        greatest(now.grad) <= o.tolerance_grad || greatest(d_ * t_) <= o.tolerance_change ||
        std::abs(now.loss - loss) < o.tolerance_change)
      break;
  }
  return first_loss;
}

NamedTensors Lbfgs::state() const {
  auto number = [](double x) { return Tensor::scalar(x, DType::f64); };
  const auto pairs = static_cast<std::int64_t>(history_.size());
  NamedTensors out{{"lr", number(options_.lr)},
                   {"t", number(t_)},
                   {"h_diag", number(h_diag_)},
                   {"counts", Tensor::from<std::int64_t>({iterations_, evaluations_, pairs}, {3})}};
  if (iterations_ == 0) return out;
  out.emplace("d", d_.tensor().clone());
  out.emplace("prev_flat_grad", prev_grad_.tensor().clone());
  for (std::size_t i = 0; i < history_.size(); ++i) {
    out.emplace(fmt::format("old_dirs.{}", i), history_[i].y.tensor().clone());
    out.emplace(fmt::format("old_stps.{}", i), history_[i].s.tensor().clone());
  }
  return out;
}

void Lbfgs::load_state(const NamedTensors& state) {
  auto find = [&](const std::string& name, const Spec& spec) {
    return find_state(state, name, spec).clone();
  };
  auto number = [&](const char* name) { return find(name, {{}, DType::f64}).item(); };
  auto vector = [&](const std::string& name) {
    return Var(find(name, {{size_}, dtype_}).to(parameters_.device()));
  };
  const auto counts = find("counts", {{3}, DType::i64}).to_vector<std::int64_t>();
  const double lr = number("lr"), t = number("t"), h_diag = number("h_diag");
  if (!is_rate(lr) || counts[0] < 0 || counts[1] < 0 || counts[2] < 0 ||
      counts[2] > options_.history_size)
    fail(ErrorCode::value, "load_state", "lr {}, counts {}, {}, {}", lr, counts[0], counts[1],
         counts[2]);
  std::vector<Pair> history;
  for (std::int64_t i = 0; i < counts[2]; ++i) {
    const Var y = vector(fmt::format("old_dirs.{}", i)), s = vector(fmt::format("old_stps.{}", i));
    history.push_back({y, s, 1 / inner(y, s)});
  }
  const Var d = counts[0] > 0 ? vector("d") : Var();
  const Var prev_grad = counts[0] > 0 ? vector("prev_flat_grad") : Var();
  options_.lr = lr;
  t_ = t;
  h_diag_ = h_diag;
  iterations_ = counts[0];
  evaluations_ = counts[1];
  history_ = std::move(history);
  d_ = d;
  prev_grad_ = prev_grad;
}

}  // namespace sonde::optim
