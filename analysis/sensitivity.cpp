#include "analysis/sensitivity.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/parallel.hpp"

namespace sonde {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

using Trials = std::vector<Trial>;

// Row k of a row-major tensor.
Elements row(const Tensor& values, std::int64_t k) {
  const std::int64_t size = values.numel() / values.size(0);
  auto elements = [&]<class T>(T* data) {
    return std::span<T>(data + k * size, static_cast<std::size_t>(size));
  };
  switch (values.dtype()) {
    case DType::f32:
      return elements(values.data<float>());
    case DType::f64:
      return elements(values.data<double>());
    case DType::i64:
      return elements(values.data<std::int64_t>());
    default:
      fail_hint(ErrorCode::dtype, "sensitivity", "convert them with to()",
                "values to be disturbed are f32, f64 or i64, not {}", values.dtype());
  }
}

// The inputs of the trials, [trials, ...].
Tensor inputs_of(const Tensor& inputs, const Trials& trials) {
  Dims shape = inputs.shape();
  shape[0] = static_cast<std::int64_t>(trials.size());
  Tensor out = Tensor::empty(shape, inputs.dtype());
  const auto bytes = inputs.numel() / inputs.size(0) * size_of(inputs.dtype());
  parallel_for(shape[0], 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k)
      std::copy_n(inputs.bytes() + trials[static_cast<std::size_t>(k)].input * bytes, bytes,
                  out.bytes() + k * bytes);
  });
  return out;
}

// The inputs and positions there are, input by input; `draw` is 0.
Trials places_of(std::int64_t inputs, std::int64_t positions, const Tensor& present) {
  if (present &&
      (!(present.shape() == Dims{inputs, positions}) || present.dtype() != DType::boolean))
    fail(ErrorCode::shape, "sensitivity", "`present` is {}, not bool [{},{}]", present.spec(),
         inputs, positions);
  const std::vector<double> mask = present ? present.to_vector<double>() : std::vector<double>();
  Trials places;
  for (std::int64_t i = 0; i < inputs; ++i) {
    const std::size_t before = places.size();
    for (std::int64_t t = 0; t < positions; ++t)
      if (!present || mask[static_cast<std::size_t>(i * positions + t)] != 0)
        places.push_back({i, t, 0});
    if (places.size() == before)
      fail(ErrorCode::value, "sensitivity", "input {} has no position to disturb", i);
  }
  return places;
}

// Flips among trials.
struct Count {
  std::int64_t flips = 0, trials = 0;
  double share() const {
    return trials > 0 ? static_cast<double>(flips) / static_cast<double>(trials) : nan;
  }
};
using Counts = std::vector<Count>;

Sample shares_of(const Counts& counts) {
  Sample out;
  for (const Count& c : counts) out.push_back(c.share());
  return out;
}

// Counts the trials whose prediction differs from that for the clean input.
class Tally {
 public:
  Tally(const Tensor& clean_logits, const Perturbation& perturbation, const SensitivityOptions& o)
      : before_(predictions(clean_logits)),
        positions_(perturbation.positions()),
        draws_(o.draws),
        places_(places_of(static_cast<std::int64_t>(before_.size()), positions_, o.present)),
        counts_(before_.size() * static_cast<std::size_t>(positions_)),
        trials_(checked_mul(static_cast<std::int64_t>(places_.size()), o.draws)) {
    for (const Trial& place : places_) count(place).trials = draws_;
  }

  const Trials& places() const { return places_; }

  void add(const Trials& trials, const Tensor& logits) {
    const std::vector<std::int64_t> after = predictions(logits);
    if (after.size() != trials.size())
      fail(ErrorCode::shape, "sensitivity", "{} predictions for {} inputs", after.size(),
           trials.size());
    for (std::size_t k = 0; k < after.size(); ++k)
      count(trials[k]).flips += after[k] != before_[static_cast<std::size_t>(trials[k].input)];
    done_ += static_cast<std::int64_t>(trials.size());
  }
  double share_done() const { return static_cast<double>(done_) / static_cast<double>(trials_); }

  Sensitivity result() const {
    Counts inputs(before_.size()), positions(static_cast<std::size_t>(positions_));
    std::int64_t flips = 0;
    for (const Trial& p : places_) {
      const Count& c = counts_[index(p)];
      flips += c.flips;
      for (Count* sum : {&inputs[static_cast<std::size_t>(p.input)],
                         &positions[static_cast<std::size_t>(p.position)]})
        *sum = {sum->flips + c.flips, sum->trials + c.trials};
    }
    const auto n = static_cast<std::int64_t>(before_.size());
    return {.flips = flips,
            .trials = trials_,
            .by_input = shares_of(inputs),
            .by_position = shares_of(positions),
            .shares = Tensor::from<double>(shares_of(counts_), {n, positions_})};
  }

 private:
  std::size_t index(const Trial& t) const {
    return static_cast<std::size_t>(t.input * positions_ + t.position);
  }
  Count& count(const Trial& t) { return counts_[index(t)]; }

  const std::vector<std::int64_t> before_;
  const std::int64_t positions_, draws_;
  const Trials places_;
  Counts counts_;  // by input, then position
  const std::int64_t trials_;
  std::int64_t done_ = 0;
};

Tensor checked(const Tensor& inputs, const SensitivityOptions& o) {
  if (inputs.rank() < 1 || inputs.size(0) < 1 || inputs.numel() < 1)
    fail(ErrorCode::shape, "sensitivity", "inputs are [n, ...] with n >= 1, these are {}",
         inputs.spec());
  if (o.draws < 1 || o.batch < 1 || !(o.sigma >= 0 && std::isfinite(o.sigma)))
    fail(ErrorCode::value, "sensitivity", "sigma {}, {} draws, batches of {}", o.sigma, o.draws,
         o.batch);
  return inputs.to(Device{}).contiguous();
}

Tensor checked_logits(Tensor logits, const Tensor& inputs) {
  if (logits.rank() != 2 || logits.size(0) != inputs.size(0))
    fail(ErrorCode::shape, "sensitivity", "logits {} for {} inputs", logits.shape(),
         inputs.size(0));
  return logits;
}

void check_fits(const Tensor& values, std::int64_t n, const Perturbation& perturbation) {
  const Dims shape = perturbation.shape();
  Dims one = values.shape();
  if (one.empty() || one[0] != n)
    fail_hint(ErrorCode::shape, "sensitivity", "the first axis must be that of the inputs",
              "values {} for {} inputs", values.spec(), n);
  one.erase(0);
  if (!shape.empty() && !(shape == one))
    fail(ErrorCode::shape, "sensitivity", "the perturbation is of {}, one input is {}", shape, one);
}

// Root mean square of the elements of `values` [n, ...], of the positions that are present.
double rms(const Tensor& values, const Tensor& present) {
  const std::vector<double> v = values.to_vector<double>();
  const std::vector<double> mask = present ? present.to_vector<double>() : std::vector<double>{1};
  const std::size_t each = v.size() / mask.size();
  double squares = 0, count = 0;
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (mask[i / each] == 0) continue;
    squares += v[i] * v[i];
    ++count;
  }
  return std::sqrt(squares / count);
}

// The standard deviation of the noise on `clean`.
double deviation(const Tensor& clean, const Perturbation& perturbation,
                 const SensitivityOptions& o) {
  if (!o.relative) return o.sigma;
  if (o.present && (clean.rank() < 2 || clean.size(1) != perturbation.positions()))
    fail(ErrorCode::shape, "sensitivity",
         "relative noise needs the {} positions of `present` as second axis of {}",
         perturbation.positions(), clean.spec());
  return o.sigma * rms(clean, o.present);
}

// Trials first ... first + count - 1 of those at `places`, draw by draw.
Trials batch_of(const Trials& places, std::int64_t draws, std::int64_t first, std::int64_t count) {
  Trials trials;
  for (std::int64_t j = first; j < first + count; ++j) {
    trials.push_back(places[static_cast<std::size_t>(j / draws)]);
    trials.back().draw = j % draws;
  }
  return trials;
}

// logits(trials) for all trials at `places`, a batch at a time.
template <class F>
void run(Tally& tally, const Trials& places, const SensitivityOptions& o,
         const std::function<void(double)>& pause, const F& logits) {
  const auto total = static_cast<std::int64_t>(places.size()) * o.draws;
  for (std::int64_t first = 0; first < total; first += o.batch) {
    const Trials trials = batch_of(places, o.draws, first, std::min(o.batch, total - first));
    tally.add(trials, logits(trials));
    if (pause) pause(tally.share_done());
  }
}

}  // namespace

std::vector<std::int64_t> predictions(const Tensor& logits) {
  if (logits.rank() != 2 || logits.size(1) < 1)
    fail(ErrorCode::shape, "predictions", "logits are [n, classes], these are {}", logits.spec());
  const std::int64_t classes = logits.size(1);
  std::vector<std::int64_t> out;
  const std::vector<double> values = logits.to_vector<double>();
  for (auto row = values.begin(); row != values.end(); row += classes)
    out.push_back(std::max_element(row, row + classes) - row);
  return out;
}

philox::Key trial_key(philox::Key key, const Trial& trial) {
  for (const std::int64_t part : {trial.input, trial.position, trial.draw})
    key = philox::fold_in(key, static_cast<std::uint64_t>(part));
  return key;
}

void disturb(const Tensor& values, const Perturbation& perturbation, double sigma, philox::Key key,
             std::span<const Trial> trials) {
  const auto n = static_cast<std::int64_t>(trials.size());
  if (values.rank() < 1 || values.size(0) != n || !values.is_contiguous())
    fail(ErrorCode::shape, "disturb", "values {} for {} trials", values.spec(), n);
  parallel_for(n, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      const Trial& trial = trials[static_cast<std::size_t>(k)];
      perturbation.apply(row(values, k), trial.position, sigma, trial_key(key, trial));
    }
  });
}

Tensor disturbed(const Tensor& values, const Perturbation& perturbation, double sigma,
                 philox::Key key, std::span<const Trial> trials) {
  const Tensor host = values.device() == Device{} ? values.clone() : values.to(Device{});
  const Tensor rows = host.contiguous();
  disturb(rows, perturbation, sigma, key, trials);
  return rows.to(values.device());
}

Sample Sensitivity::by_position_from_end() const {
  const std::int64_t n = shares.size(0), positions = shares.size(1);
  const double* share = shares.data<double>();
  Sample sums(static_cast<std::size_t>(positions)), counts = sums;
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t t = positions - 1, from_end = 0; t >= 0; --t) {
      if (std::isnan(share[i * positions + t])) continue;
      sums[static_cast<std::size_t>(from_end)] += share[i * positions + t];
      ++counts[static_cast<std::size_t>(from_end++)];
    }
  for (std::size_t k = 0; k < sums.size(); ++k) sums[k] /= counts[k];
  return sums;
}

// S + (flips - S trials) / mean trials: the influence of each input on the ratio S of sums.
Estimate Sensitivity::clustered(std::uint64_t seed) const {
  const double s = static_cast<double>(flips) / static_cast<double>(trials);
  std::vector<double> places(by_input.size());
  const std::int64_t positions = shares.size(1);
  for (std::int64_t k = 0; k < shares.numel(); ++k)
    places[static_cast<std::size_t>(k / positions)] += !std::isnan(shares.data<double>()[k]);
  Sample influence = by_input;
  if (std::ranges::adjacent_find(places, std::ranges::not_equal_to()) != places.end())
    for (std::size_t i = 0; i < influence.size(); ++i)
      influence[i] = s + (by_input[i] - s) * places[i] / mean(places);
  Estimate e = bootstrap_mean({&influence, 1}, seed);
  e.value = s;  // the same number without rounding of means
  return e;
}

Estimate Sensitivity::binomial() const {
  return proportion(flips, trials);
}

Sensitivity sensitivity(const Classifier& classifier, const Tensor& inputs,
                        const Perturbation& perturbation, const SensitivityOptions& o,
                        const std::function<void(double)>& pause) {
  const Tensor clean = checked(inputs, o);
  check_fits(clean, clean.size(0), perturbation);
  Tally tally(checked_logits(classifier(clean), clean), perturbation, o);
  const double sigma = deviation(clean, perturbation, o);
  run(tally, tally.places(), o, pause, [&](const Trials& trials) {
    const Tensor noisy = inputs_of(clean, trials);
    disturb(noisy, perturbation, sigma, o.key, trials);
    return classifier(noisy);
  });
  return tally.result();
}

Sensitivity sensitivity(PatchedClassifier& classifier, const Tensor& inputs,
                        const Perturbation& perturbation, const SensitivityOptions& o,
                        const std::function<void(double)>& pause) {
  const Tensor clean = checked(inputs, o);
  check_fits(clean, clean.size(0), perturbation);
  if (clean.rank() != 4)
    fail(ErrorCode::shape, "sensitivity", "inputs are [n, channels, height, width], these are {}",
         inputs.spec());
  Tally tally(checked_logits(classifier.see(clean), clean), perturbation, o);
  const double sigma = deviation(clean, perturbation, o);
  const Window whole{0, 0, clean.size(2), clean.size(3)};
  for (std::int64_t t = 0; t < perturbation.positions(); ++t) {
    Trials places;
    std::ranges::copy_if(tally.places(), std::back_inserter(places),
                         [&](const Trial& place) { return place.position == t; });
    run(tally, places, o, pause, [&](const Trials& trials) {
      std::vector<std::int64_t> of;
      for (const Trial& trial : trials) of.push_back(trial.input);
      const Tensor noisy = inputs_of(clean, trials);
      disturb(noisy, perturbation, sigma, o.key, trials);
      return classifier.patched(noisy, of, perturbation.window(t).value_or(whole));
    });
  }
  return tally.result();
}

Sensitivity sensitivity(const TappedFunction& classifier, std::string_view point,
                        const Tensor& inputs, const Perturbation& perturbation,
                        const SensitivityOptions& o, const std::function<void(double)>& pause) {
  const Tensor clean = checked(inputs, o);
  double sigma = 0;
  const Tensor logits = with_value(classifier, clean, point, [&](const Tensor& value) {
    check_fits(value, clean.size(0), perturbation);
    sigma = deviation(value, perturbation, o);
    return value;
  });
  Tally tally(checked_logits(logits, clean), perturbation, o);
  run(tally, tally.places(), o, pause, [&](const Trials& trials) {
    return with_value(classifier, inputs_of(clean, trials), point, [&](const Tensor& value) {
      return disturbed(value, perturbation, sigma, o.key, trials);
    });
  });
  return tally.result();
}

}  // namespace sonde
