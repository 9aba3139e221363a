#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/common/program.hpp"
#include "experiments/hessian/growth_judge.hpp"
#include "experiments/hessian/growth_studies.hpp"
#include "experiments/hessian/programs.hpp"

namespace sonde::experiments {
namespace {

const About about{
    .name = "hessian_growth",
    .measures =
        "The norms of the blocks of a transformer's Hessian, of its outer-product and its "
        "functional part, by the scale of the embeddings: without a norm, with one in front, with "
        "linear attention, in several layers; and of linear networks. Beyond the paper: blocks of "
        "keys and off the diagonal, a single matrix, several heads, a norm behind, temperature, "
        "other networks.",
    .paper =
        "Ormaniec, Dangel, Singh: What Does It Mean to Be a Transformer? Insights from a "
        "Theoretical Hessian Analysis (ICLR 2025, arXiv 2410.10986), figures 3 and 5 to 7",
    .cost =
        "two cores: --quick below a minute, standard below 15 minutes (6 of processor time), "
        "--full days; the studies beyond the paper another 5 minutes; memory below 1 GiB, --full 4 "
        "GiB"};

struct Options {
  std::vector<std::string> studies = paper_growth_studies();
};

void declare(Cli& cli, Options& o) {
  cli.default_seeds({1, 1, 1});
  cli.any_device();
  cli.choices("studies", o.studies, growth_study_names(),
              "which; unless given the paper's, which are the first six");
}

constexpr HessianPart shown_parts[] = {parts::whole, parts::outer, parts::functional};

std::vector<double> positive(Sample s) {
  std::erase_if(s, [](double v) { return !(v > 0); });
  return s;
}

// One block of one setting: a line for each part in each layer, and the authors' points.
CaptionedFigure figure_of(const GrowthSetting& s, const GrowthPoints& points,
                          const std::string& block) {
  Figure f(
      fmt::format("growth_{}_{}", s.id, block), fmt::format("{}: block {}", s.name, block),
      {.label = s.variable == GrowthVariable::scale ? "scale of the embeddings σ" : "temperature t",
       .log = true},
      {.label = "norm of the block", .log = true});
  for (std::int64_t layer = 0; layer < s.net.layers; ++layer)
    for (const HessianPart& part : shown_parts) {
      std::vector<double> x, middle, low, high;
      for (const double value : s.x) {
        Sample at;
        for (const Sample& one : series(points, layer, block, part.part, value, value))
          at.insert(at.end(), one.begin(), one.end());
        at = positive(std::move(at));
        if (at.empty()) continue;
        x.push_back(value);
        middle.push_back(quantile(at, 0.5));
        low.push_back(std::ranges::min(at));
        high.push_back(std::ranges::max(at));
      }
      if (x.empty()) continue;
      const std::string label =
          s.net.layers > 1 ? fmt::format("{} layer {}", part.name, layer) : part.name;
      f.band(label, x, low, high);
      f.line(label, x, middle);
    }
  std::vector<double> x, whole;
  for (const PublishedNorm& p : published_norms())
    if (p.setting == s.id && p.block == block && p.layer == 0) {
      x.push_back(p.sigma);
      whole.push_back(p.whole);
    }
  if (!x.empty()) f.scatter("H, published", x, whole);
  return {std::move(f), "Median over repeats, band from the least to the greatest."};
}

void add_rows(Table& table, const GrowthSetting& s, const GrowthPoints& points) {
  const bool scale = s.variable == GrowthVariable::scale;
  for (const GrowthPoint& p : points)
    table.add({s.id, std::to_string(p.layer), p.block,
               csv_number(scale ? p.x : s.net.embedding_std),
               csv_number(scale ? s.net.temperature : p.x), std::to_string(p.repeat),
               csv_number(p.whole), csv_number(p.outer), csv_number(p.functional)});
}

// What a resumed run need not measure again.
Json to_json(const GrowthPoints& points) {
  Json out = Json::array();
  for (const GrowthPoint& p : points)
    out.push_back({p.layer, p.block, p.x, p.repeat, p.whole, p.outer, p.functional});
  return out;
}
GrowthPoints points_from(const Json& json, std::int64_t most) try {
  GrowthPoints out;
  for (const Json& p : json)
    out.push_back({p.at(0), p.at(1), p.at(2), p.at(3), p.at(4), p.at(5), p.at(6)});
  if (std::ssize(out) > most)
    fail(ErrorCode::format, "checkpoint", "{} points of {}", out.size(), most);
  return out;
} catch (const Json::exception& e) {
  fail(ErrorCode::format, "checkpoint", "{}", e.what());
}

GrowthScale scale_of(SizeClass size) {
  return size == SizeClass::quick  ? GrowthScale::quick
         : size == SizeClass::full ? GrowthScale::full
                                   : GrowthScale::standard;
}

void measure(Run& run, Options& o) {
  std::vector<GrowthSetting> settings;
  for (const std::string& study : o.studies)
    for (GrowthSetting& s : growth_settings(study, scale_of(run.settings().size)))
      settings.push_back(std::move(s));
  const bool quick = run.settings().size == SizeClass::quick;
  std::int64_t total = 0, done = 0;
  for (const GrowthSetting& s : settings) total += growth_points(s);
  Checkpoint state;  // the points of each setting that was begun
  if (auto saved = run.resumed()) state = std::move(*saved);
  Progress progress = run.progress("blocks", total, "blocks");
  Results& r = run.results;
  r.table.columns = {"setting",        "layer",  "block", "sigma",
                     "temperature",    "repeat", "norm",  "outer_product_norm",
                     "functional_norm"};
  for (const GrowthSetting& s : settings) {
    Json& kept = state.state["points"][s.id];
    GrowthPoints points = points_from(kept, growth_points(s));
    progress.start_at(done + std::ssize(points));
    points = measure_growth(
        s, run.settings().seed,
        [&](const GrowthPoints& found) {
          progress.advance();
          const auto now = [&] {
            kept = to_json(found);
            return state;
          };
          run.stop_if_interrupted(now);
          run.save_if_due(now);
        },
        std::move(points), run.settings().device);
    kept = to_json(points);
    done += growth_points(s);
    for (Claim& c : growth_claims(s, points))
      r.claims.push_back(quick ? left_open(std::move(c),
                                           "a quick run's networks are narrower than "
                                           "those that the criteria speak of")
                               : std::move(c));
    for (const std::string& block : growth_blocks(s))
      r.figures.push_back(figure_of(s, points, block));
    add_rows(r.table, s, points);
  }
  r.notes = {
      "Transformers of one head on additions of two 5-digit numbers, not trained; the Hessian of "
      "the loss by one weight matrix at a time. Embeddings of tokens and positions are the same "
      "standard normal numbers times sigma at every scale, and the norms of all three parts come "
      "from the same random vectors, so that slopes are not blurred; the authors drew both anew.",
      "H is the sum of H_o, Gauss-Newton's matrix with respect to the logits, and H_f. A norm is "
      "the root of the mean of |H v|^2 over Rademacher vectors v (10 to 20 % for six of them), or "
      "exact in the study of that name.",
      "The exponents of the studies beyond the paper are counted from the closed forms of "
      "attention's Hessian: tokens count 1, covariances of the tokens under a row's weights 2, "
      "third moments 3, a derivative of a norm behind -1.",
      "With a norm in front the growth is no power law: flat, then falling; the exponent over all "
      "scales is a regression over three regimes, as the paper has it, and the local ones stand "
      "beside it. The squared error of the linear study is the authors': a sum, of logits against "
      "the tokens at the same positions."};
}

}  // namespace

int hessian_growth(int argc, const char* const* argv) {
  return run_program(about, declare, measure, argc, argv);
}

}  // namespace sonde::experiments
