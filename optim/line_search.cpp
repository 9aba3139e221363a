#include "optim/line_search.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sonde::optim {
namespace {

// The minimum, within [least, most], of the cubic with the values and slopes of both trials; the
// middle if it has none.
double cubic_minimum(const Trial& a, const Trial& b, double least, double most) {
  const Trial &low = a.t <= b.t ? a : b, &high = a.t <= b.t ? b : a;
  const double d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t);
  const double square = d1 * d1 - a.slope * b.slope;
  if (!(square >= 0)) return (least + most) / 2;
  const double d2 = std::sqrt(square);
  const double minimum =
      high.t - (high.t - low.t) * ((high.slope + d2 - d1) / (high.slope - low.slope + 2 * d2));
  return std::min(std::max(minimum, least), most);
}

class StrongWolfe {
 public:
  StrongWolfe(const std::function<Trial(double)>& at, const Trial& start, double direction_max,
              const WolfeOptions& options)
      : at_(at), start_(start), direction_max_(direction_max), o_(options) {}

  LineSearchResult run(double first) {
    bracket(first);
    while (!done_ && narrowings_ < o_.max_evaluations && wide()) narrow();
    return {low_, evaluations_};
  }

 private:
  Trial evaluate(double t) {
    ++evaluations_;
    return at_(t);
  }
  bool too_high(const Trial& x) const {
    return x.value > start_.value + o_.c1 * x.t * start_.slope;
  }
  bool flat(const Trial& x) const { return std::abs(x.slope) <= -o_.c2 * start_.slope; }
  bool wide() const { return std::abs(a_.t - b_.t) * direction_max_ >= o_.tolerance_change; }

  // Goes on until a step is good, or lies beyond one.
  void bracket(double first) {
    Trial before = start_, now = evaluate(first);
    for (; narrowings_ < o_.max_evaluations; ++narrowings_) {
      if (too_high(now) || (narrowings_ > 1 && now.value >= before.value))
        return enclose(before, now);
      if (flat(now)) {
        low_ = now;
        done_ = true;
        return;
      }
      if (now.slope >= 0) return enclose(before, now);
      const double t = cubic_minimum(before, now, now.t + 0.01 * (now.t - before.t), 10 * now.t);
      before = std::exchange(now, evaluate(t));
    }
    enclose(start_, now);
  }

  void enclose(const Trial& a, const Trial& b) {
    a_ = a;
    b_ = b;
    low_is_a_ = a.value <= b.value;
    low_ = low_is_a_ ? a : b;
  }

  // A new step inside, away from the ends when the last one was close to an end already.
  double inside() {
    const auto [least, most] = std::minmax(a_.t, b_.t);
    double t = cubic_minimum(a_, b_, least, most);
    const double margin = 0.1 * (most - least);
    if (std::min(most - t, t - least) >= margin) {
      crowded_ = false;
    } else if (crowded_ || t >= most || t <= least) {
      t = std::abs(t - most) < std::abs(t - least) ? most - margin : least + margin;
      crowded_ = false;
    } else {
      crowded_ = true;
    }
    return t;
  }

  void narrow() {
    const Trial now = evaluate(inside());
    ++narrowings_;
    Trial &low = low_is_a_ ? a_ : b_, &high = low_is_a_ ? b_ : a_;
    if (too_high(now) || now.value >= low.value) {
      high = now;
      low_is_a_ = a_.value <= b_.value;
    } else {
      if (flat(now))
        done_ = true;
      else if (now.slope * (high.t - low.t) >= 0)
        high = low;
      low = now;
    }
    low_ = low_is_a_ ? a_ : b_;
  }

  const std::function<Trial(double)>& at_;
  const Trial& start_;
  const double direction_max_;
  const WolfeOptions& o_;
  Trial a_, b_, low_;  // the ends of the bracket, and the better one
  bool low_is_a_ = true, done_ = false, crowded_ = false;
  std::int64_t narrowings_ = 0, evaluations_ = 0;
};

}  // namespace

LineSearchResult strong_wolfe(const std::function<Trial(double t)>& at, const Trial& start,
                              double first, double direction_max, const WolfeOptions& options) {
  return StrongWolfe(at, start, direction_max, options).run(first);
}

}  // namespace sonde::optim
