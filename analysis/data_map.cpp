#include "analysis/data_map.hpp"

#include <algorithm>
#include <numeric>

#include "autograd/ops.hpp"

namespace sonde {
namespace {

using Rule = LinearMap::Rule;

// What Derivative::cost says of one vector is the record and as much again.
double record_bytes(const LinearMap& map) {
  return map.cost(1).bytes / 2;
}

class OverData final : public Rule {
 public:
  OverData(std::vector<double> weights, BatchMap make, std::int64_t max_memory)
      : weights_(std::move(weights)), make_(std::move(make)), half_(max_memory / 2) {
    if (weights_.empty() || max_memory < 0)
      fail(ErrorCode::value, "data_map", "{} batches, max_memory {}", weights_.size(), max_memory);
    LinearMap next = made(0, Retain::yes);
    domain_ = next.domain();
    range_ = next.range();
    symmetric_ = next.symmetric();
    name_ = next.name();
    cost_ = next.cost(1);
    while (half_ == 0 || plan_.record_bytes + record_bytes(next) <= static_cast<double>(half_)) {
      plan_.record_bytes += record_bytes(next);
      kept_.push_back(std::move(next));
      if (kept_.size() == weights_.size()) break;
      next = made(batch_of(kept_.size()), Retain::yes);
      check(next, kept_.size());
    }
    plan_.kept = batch_of(kept_.size());
    plan_.recomputed = batch_of(weights_.size()) - plan_.kept;
  }
  const Space& domain() const override { return domain_; }
  const Space& range() const override { return range_; }
  Tensor apply(const Tensor& v) const override {
    return added([&](const LinearMap& a) { return a.apply_batch(v); });
  }
  Tensor transpose(const Tensor& u) const override {
    return added([&](const LinearMap& a) { return a.transpose_batch(u); });
  }
  bool symmetric() const override { return symmetric_; }
  // Batches are taken to cost what the first one does; one is at work at a time.
  Cost cost(std::int64_t n) const override {
    const Cost one = kept_.empty() ? cost_ : kept_.front().cost(n);
    return {static_cast<double>(weights_.size()) * one.flops, plan_.record_bytes + one.bytes};
  }
  std::string name() const override { return name_ + " over data"; }
  const DataPlan& plan() const { return plan_; }

 private:
  static std::int64_t batch_of(std::size_t i) { return static_cast<std::int64_t>(i); }

  LinearMap made(std::int64_t batch, Retain retain) const {
    return make_(batch, {.retain = retain, .max_memory = half_});
  }
  void check(const LinearMap& a, std::size_t batch) const {
    if (a.domain() != domain_ || a.range() != range_)
      fail_hint(ErrorCode::shape, "data_map",
                "the map of a batch must not depend on its size: sum or average over samples",
                "batch {} maps {} to {}, the first {} to {}", batch, to_string(a.domain()),
                to_string(a.range()), to_string(domain_), to_string(range_));
  }
  template <class Product>
  Tensor added(const Product& product) const {
    Var total;
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      Tensor one;
      if (i < kept_.size()) {
        one = product(kept_[i]);
      } else {
        const LinearMap a = made(batch_of(i), Retain::no);
        check(a, i);
        one = product(a);
      }
      Var term = mul(one, weights_[i]);
      total = total ? add(std::move(total), std::move(term)) : std::move(term);
    }
    return total.tensor();
  }

  const std::vector<double> weights_;
  const BatchMap make_;
  const std::int64_t half_;
  Space domain_ = Space::flat(0), range_ = Space::flat(0);
  bool symmetric_ = false;
  std::string name_;
  Cost cost_;  // of one vector and the first batch
  std::vector<LinearMap> kept_;
  DataPlan plan_;
};

}  // namespace

std::vector<double> mean_weights(std::span<const std::int64_t> sizes) {
  const std::int64_t total = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
  if (total <= 0 || std::ranges::any_of(sizes, [](std::int64_t s) { return s < 0; }))
    fail(ErrorCode::value, "data_map", "batches of {} samples", fmt::join(sizes, ", "));
  std::vector<double> weights;
  for (const std::int64_t size : sizes)
    weights.push_back(static_cast<double>(size) / static_cast<double>(total));
  return weights;
}

std::vector<double> sum_weights(std::int64_t batches) {
  if (batches < 1) fail(ErrorCode::value, "data_map", "{} batches", batches);
  return std::vector<double>(static_cast<std::size_t>(batches), 1.0);
}

DataMap::DataMap(std::vector<double> weights, BatchMap make, std::int64_t max_memory)
    : map_(identity_map(Space::flat(0))) {
  const auto rule = std::make_shared<OverData>(std::move(weights), std::move(make), max_memory);
  plan_ = rule->plan();
  map_ = LinearMap(rule);
}

}  // namespace sonde
