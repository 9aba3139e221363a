#include "experiments/network/spectrum.hpp"

#include <algorithm>

#include "analysis/io.hpp"
#include "analysis/lanczos.hpp"
#include "analysis/norms.hpp"
#include "analysis/trace.hpp"
#include "autograd/ops.hpp"
#include "experiments/common/folder.hpp"
#include "experiments/network/modules.hpp"
#include "experiments/network/quadrature_json.hpp"
#include "experiments/vision/trainer.hpp"

namespace sonde::experiments {
namespace {

enum Draw : std::uint64_t { eigenvalues = 10, density, trace, norm, checks, blocks };

philox::Key key_of(const Run& run, Draw draw) {
  return {run.settings().seed, draw};
}

// Vectors that Lanczos keeps: more of them take fewer products.
std::int64_t basis_of(std::int64_t wanted, std::int64_t size, double vector_bytes, double room) {
  const std::int64_t least = std::max(3 * wanted, wanted + 44);
  const auto fit = static_cast<std::int64_t>(room / (2 * vector_bytes));
  return std::min(std::clamp(fit, least, 4 * least), size);
}

struct Sizes {
  double vector;              // bytes of one
  std::int64_t size, wanted;  // dimensions, eigenvalues
  std::int64_t basis, probes_at_once;
};

Sizes sizes_of(const Space& space, const SpectrumOptions& o) {
  Sizes s{};
  s.size = space.size();
  s.vector = static_cast<double>(s.size * size_of(space.dtype()));
  s.wanted = std::min(o.largest, s.size) + std::min(o.smallest, s.size);
  const double room = static_cast<double>(gib(o.max_memory)) / 4;
  s.basis = basis_of(s.wanted, s.size, s.vector, room);
  const auto steps = static_cast<double>(std::min(o.steps, s.size));
  s.probes_at_once =
      std::clamp<std::int64_t>(static_cast<std::int64_t>(room / (steps * s.vector)), 1, o.probes);
  return s;
}

Json end_json(const EigenEnd& end) {
  return {{"values", end.values}, {"residuals", end.residuals}};
}
EigenEnd end_from(const Json& json) {
  return {json.at("values").get<std::vector<double>>(),
          json.at("residuals").get<std::vector<double>>()};
}

void save_eigenpairs(const Run& run, const Spectrum& s, const Space& space, bool vectors) {
  std::vector<double> values = s.largest.values;
  values.insert(values.end(), s.smallest.values.begin(), s.smallest.values.end());
  const auto folder = run.settings().out / "export";
  make_folder(folder);
  const std::string path = (folder / "eigenvalues.npz").string();
  const Tensor numbers = Tensor::from<double>(values, {static_cast<std::int64_t>(values.size())});
  if (!vectors) return save_spectrum(path, numbers);
  Vars parts;
  for (const EigenPairs* end : {&s.largest, &s.smallest})
    if (!end->values.empty()) parts.push_back(end->vectors);
  save_spectrum(path, numbers, space, concat(parts, 0).tensor());
}

LanczosOptions lanczos_options(const SpectrumOptions& o, const Sizes& s, philox::Key key) {
  return {.largest = std::min(o.largest, s.size),
          .smallest = std::min(o.smallest, s.size),
          .tolerance = o.tolerance,
          .basis = s.basis,
          .key = key};
}

Json outermost(Run& run, Stages& stages, const LinearMap& map, const SpectrumOptions& o) {
  const Sizes s = sizes_of(map.domain(), o);
  Watched watched(run, stages, "eigenvalues", 8 * s.wanted + 20, "products");
  const Spectrum found = lanczos(map, lanczos_options(o, s, key_of(run, eigenvalues)),
                                 [&](std::int64_t products) { watched.reached(products); });
  save_eigenpairs(run, found, map.domain(), o.vectors);
  return {{"largest", end_json(EigenEnd{found.largest.values, found.largest.residuals})},
          {"smallest", end_json(EigenEnd{found.smallest.values, found.smallest.residuals})},
          {"norm", found.norm},
          {"products", found.products}};
}

// Probes first ... first + count - 1.
Json quadratures(Run& run, Stages& stages, const LinearMap& map, const SpectrumOptions& o,
                 std::int64_t first, std::int64_t count) {
  const std::int64_t steps = std::min(o.steps, map.domain().size());
  Watched watched(run, stages, "density", steps, "steps");
  const Slq slq(map,
                {.probes = count,
                 .first = first,
                 .steps = o.steps,
                 .batch = count,
                 .key = key_of(run, density)},
                [&](double share) { watched.reached_share(share); });
  return to_json(slq.probes());
}

Sampling sampling(std::int64_t products, philox::Key key) {
  return {.products = products, .batch = 8, .key = key};
}

Json product_checks(const LinearMap& map, philox::Key key) {
  const Tensor x = random_rows(key, 0, 2, map.domain());
  const Tensor first = map.apply_batch(x), again = map.apply_batch(x);
  const std::vector<double> crossed = row_dots(x.flip({0}), first), lengths = row_norms(x),
                            products = row_norms(first);
  return {{"asymmetry", std::abs(crossed[0] - crossed[1]) /
                            (lengths[0] * products[1] + lengths[1] * products[0])},
          {"same_bits", all(eq(Var(first), Var(again))).item() != 0}};
}

Json block_spectrum(Run& run, Stages& stages, const Network& network, const SpectrumOptions& o,
                    const ParameterGroup& group, std::uint64_t index) {
  SpectrumOptions of_block = o;
  of_block.curvature.params = group.pattern;
  of_block.largest = 1;
  of_block.smallest = std::min<std::int64_t>(o.smallest, 1);
  const NetworkLoss loss(*network.module, network.train, of_block.curvature);
  const DataMap data = loss.curvature();
  const philox::Key key = philox::fold_in(key_of(run, blocks), index);
  const Sizes s = sizes_of(data.map().domain(), of_block);
  const Spectrum found = lanczos(data.map(), lanczos_options(of_block, s, philox::child(key, 0)),
                                 [&](std::int64_t) { stages.pause(); });
  const Estimate trace =
      hutchinson_trace(data.map(), sampling(o.block_products, philox::child(key, 1)));
  return {{"size", s.size},
          {"largest", end_json(EigenEnd{found.largest.values, found.largest.residuals})},
          {"smallest", end_json(EigenEnd{found.smallest.values, found.smallest.residuals})},
          {"trace", to_json(trace)}};
}

void add_blocks(SpectrumFindings& f, Run& run, Stages& stages, const Network& network,
                const SpectrumOptions& o) {
  const std::vector<ParameterGroup> groups = parameter_groups(*network.module);
  Watched watched(run, stages, "blocks", static_cast<std::int64_t>(groups.size()), "blocks");
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const Json json = stages.once("block " + groups[i].name, [&] {
      return block_spectrum(run, stages, network, o, groups[i], i);
    });
    f.blocks.push_back({groups[i].name, json.at("size").get<std::int64_t>(),
                        end_from(json.at("largest")), end_from(json.at("smallest")),
                        estimate_from_json(json.at("trace"))});
    watched.reached(static_cast<std::int64_t>(i) + 1);
  }
}

void add_outermost(SpectrumFindings& f, Run& run, Stages& stages, const LinearMap& map,
                   const SpectrumOptions& o) {
  const Json ends = stages.once("eigenvalues", [&] { return outermost(run, stages, map, o); });
  f.largest = end_from(ends.at("largest"));
  f.smallest = end_from(ends.at("smallest"));
  f.norm = ends.at("norm").get<double>();
  f.products = ends.at("products").get<std::int64_t>();
}

void add_probes(SpectrumFindings& f, Run& run, Stages& stages, const LinearMap& map,
                const SpectrumOptions& o) {
  const std::int64_t at_once = sizes_of(map.domain(), o).probes_at_once;
  for (std::int64_t first = 0; first < o.probes; first += at_once) {
    const std::int64_t count = std::min(at_once, o.probes - first);
    const Json found = stages.once(fmt::format("probes from {}", first),
                                   [&] { return quadratures(run, stages, map, o, first, count); });
    for (Quadrature& q : quadratures_from_json(found)) f.probes.push_back(std::move(q));
  }
}

void add_moments(SpectrumFindings& f, const Run& run, Stages& stages, const LinearMap& map,
                 const SpectrumOptions& o) {
  f.trace = estimate_from_json(stages.once("trace", [&] {
    return to_json(hutchinson_trace(map, sampling(o.products, key_of(run, trace))));
  }));
  f.squared_norm = estimate_from_json(stages.once("norm", [&] {
    return to_json(squared_frobenius_norm(map, sampling(o.products, key_of(run, norm))));
  }));
}

// Every eigenvalue, by the matrix itself.
Json all_eigenvalues(const LinearMap& map) {
  const Var whole = dense(map).to(Device{}).to(DType::f64);
  return eigh((whole + transpose(whole)) * 0.5).values.tensor().to_vector<double>();
}

// Of the whole matrix, whose records go when this ends.
void add_whole(SpectrumFindings& f, Run& run, Stages& stages, const NetworkLoss& loss,
               const SpectrumOptions& o) {
  const DataMap data = loss.curvature();
  const LinearMap& map = data.map();
  f.size = map.domain().size();
  const Json tested =
      stages.once("checks", [&] { return product_checks(map, key_of(run, checks)); });
  f.asymmetry = tested.at("asymmetry").get<double>();
  f.same_bits = tested.at("same_bits").get<bool>();
  if (o.largest + o.smallest > 0) add_outermost(f, run, stages, map, o);
  add_probes(f, run, stages, map, o);
  if (o.products > 0) add_moments(f, run, stages, map, o);
  if (f.size <= o.dense)
    f.all = stages.once("all eigenvalues", [&] { return all_eigenvalues(map); })
                .get<std::vector<double>>();
}

}  // namespace

Budget spectrum_budget(const Network& network, const SpectrumOptions& o) {
  const NetworkLoss loss(*network.module, network.train, o.curvature);
  const NetworkLoss::Estimate e = loss.estimate();
  const Sizes s = sizes_of(loss.at().space, o);
  Budget b{.of = fmt::format("{}; {} of them chosen. {}. {} in {} batches, {} of them recorded.",
                             network.network, s.size, network.data, o.curvature.matrix,
                             loss.batches(), e.kept),
           .limit = static_cast<double>(gib(o.max_memory))};
  const double at_work = e.record_bytes + e.product_bytes;
  const auto add = [&](const std::string& what, const std::string& count, double products,
                       double vectors) {
    b.works.push_back({what, count, products * e.flops, at_work + vectors * s.vector});
  };
  const auto basis = static_cast<double>(s.basis);
  if (s.wanted > 0)
    add("eigenvalues by Lanczos", fmt::format("about {} products", 8 * s.wanted + 20),
        static_cast<double>(8 * s.wanted + 20), 2 * basis);
  if (o.probes > 0) {
    const std::int64_t steps = std::min(o.steps, s.size);
    const auto probes = static_cast<double>(s.probes_at_once);
    add("density by quadrature", fmt::format("{} products", o.probes * steps),
        static_cast<double>(o.probes * steps), probes * static_cast<double>(steps + 4));
  }
  if (o.products > 0)
    add("trace and norm", fmt::format("{} products", 2 * o.products),
        2 * static_cast<double>(o.products), 3 * 8);
  if (s.size <= o.dense)
    add("all eigenvalues", fmt::format("{} products", s.size), static_cast<double>(s.size),
        3 * static_cast<double>(s.size));
  if (o.by == "block") {
    const std::size_t groups = parameter_groups(*network.module).size();
    const std::int64_t each = o.block_products + 100;
    add("blocks alone", fmt::format("about {} x {} products", groups, each),
        static_cast<double>(each) * static_cast<double>(groups), 2 * basis);
  }
  return b;
}

SpectrumFindings measure_spectrum(Run& run, Stages& stages, const Network& network,
                                  const SpectrumOptions& o) {
  const NetworkLoss loss(*network.module, network.train, o.curvature);
  loss.require_deterministic();
  SpectrumFindings f;
  f.loss = stages.once("loss", [&] { return Json(loss.value()); }).get<double>();
  const Classifier classify = classifier(*network.module);
  f.accuracy = stages.once("accuracy", [&] { return Json(accuracy(classify, network.train)); })
                   .get<double>();
  add_whole(f, run, stages, loss, o);
  if (o.by == "block") add_blocks(f, run, stages, network, o);
  return f;
}

}  // namespace sonde::experiments
