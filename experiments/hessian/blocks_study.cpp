#include "experiments/hessian/blocks_study.hpp"

#include <algorithm>
#include <cmath>

namespace sonde::experiments {
namespace {

constexpr nn::AttentionScore scores[] = {nn::AttentionScore::softmax, nn::AttentionScore::linear};

// A piece of some seconds: there is nothing to save between.
class Piece : public Job {
 public:
  bool advance() final {
    found_ = compute();
    return true;
  }
  Json result() const final { return found_; }
  void save(Checkpoint&) const final {}
  void restore(const Checkpoint&) final {}

 protected:
  virtual Json compute() const = 0;

 private:
  Json found_;
};

double asymmetry_of(const Tensor& h) {
  const std::vector<double> v = h.to_vector<double>();
  const auto n = static_cast<std::size_t>(h.size(0));
  double greatest = 0, largest = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      greatest = std::max(greatest, std::abs(v[i * n + j]));
      largest = std::max(largest, std::abs(v[i * n + j] - v[j * n + i]));
    }
  return largest / greatest;
}

class MapPiece final : public Piece {
 public:
  MapPiece(const HeterogeneityOptions& of, std::int64_t cells, std::uint64_t seed)
      : of_(of), cells_(cells), seed_(seed) {}

 private:
  Json compute() const override {
    const WholeHessian whole = whole_hessian(of_, seed_, [](double) {});
    return {{"blocks", whole.blocks},
            {"asymmetry", asymmetry_of(whole.matrix)},
            {"cells", coarse_map(whole.matrix, cells_, HessianMap::floor)}};
  }
  const HeterogeneityOptions of_;
  const std::int64_t cells_;
  const std::uint64_t seed_;
};

Json logs_of(const Sample& elements) {
  constexpr int bins = 50;
  std::vector<double> out;
  for (const double v : elements)
    if (v > 0) out.push_back(std::log10(std::max(v, 1e-12)));
  const Histogram h = histogram_of(out, bins);
  return {{"low", h.low}, {"width", h.width}, {"counts", h.counts}};
}

class BlocksPiece final : public Piece {
 public:
  BlocksPiece(const HeterogeneityOptions& of, bool first, std::uint64_t seed)
      : of_(of), first_(first), seed_(seed) {}

 private:
  Json compute() const override {
    const QueryAndValue found = query_and_value(of_, seed_);
    Json out{{"query", to_json(found.query)}, {"value", to_json(found.value)}};
    if (first_) out["logs"] = {logs_of(found.query.elements), logs_of(found.value.elements)};
    return out;
  }
  const HeterogeneityOptions of_;
  const bool first_;
  const std::uint64_t seed_;
};

Histogram histogram_from_json(const Json& j) {
  return {j.at("low"), j.at("width"), j.at("counts")};
}

AttentionBlocks findings(const Json& map, std::span<const Json> blocks) {
  AttentionBlocks out{.blocks = {},
                      .query = histogram_from_json(blocks[0].at("logs").at(0)),
                      .value = histogram_from_json(blocks[0].at("logs").at(1)),
                      .whole = {map.at("cells"), map.at("blocks"), map.at("asymmetry")}};
  for (const Json& one : blocks)
    out.blocks.push_back(
        {block_sizes_from_json(one.at("query")), block_sizes_from_json(one.at("value"))});
  return out;
}

}  // namespace

// Whole Hessians, which take longest, come first.
std::array<AttentionBlocks, 2> study_blocks(Jobs& jobs, const BlocksStudyOptions& o,
                                            std::uint64_t seed) {
  const JobMaker make = [&](std::int64_t i) -> std::unique_ptr<Job> {
    const bool map = i < 2;
    const std::int64_t k = map ? i : (i - 2) / o.seeds, r = map ? 0 : (i - 2) % o.seeds;
    HeterogeneityOptions of = o.of;
    of.score = scores[k];
    if (map) return std::make_unique<MapPiece>(of, o.cells, seed);
    return std::make_unique<BlocksPiece>(of, r == 0, seed + static_cast<std::uint64_t>(r));
  };
  const std::vector<Json> found = jobs.run("blocks", 2 + 2 * o.seeds, make);
  const std::span<const Json> blocks = std::span(found).subspan(2);
  const auto n = static_cast<std::size_t>(o.seeds);
  try {
    return {findings(found[0], blocks.first(n)), findings(found[1], blocks.last(n))};
  } catch (const Json::exception& e) {
    fail(ErrorCode::format, "checkpoint", "{}", e.what());
  }
}

}  // namespace sonde::experiments
