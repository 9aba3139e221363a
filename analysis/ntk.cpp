#include "analysis/ntk.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "analysis/count.hpp"
#include "analysis/function_maps.hpp"
#include "autograd/ops.hpp"

namespace sonde {
namespace {

constexpr std::int64_t greatest_tile = 64;

// The network's outputs as [n, outputs], those asked for.
class Rows {
 public:
  Rows(RowFunction f, const Point& at, const NtkOptions& o) : f_(std::move(f)), at_(at) {
    if (!o.outputs.empty())
      chosen_ =
          Tensor::from<std::int64_t>(o.outputs, {static_cast<std::int64_t>(o.outputs.size())});
  }
  const Point& at() const { return at_; }

  Var operator()(const Vars& parameters, const Var& inputs) const {
    Var out = f_(parameters, inputs);
    if (out.rank() == 1) out = unsqueeze(out, 1);
    if (out.rank() != 2 || out.size(0) != inputs.size(0))
      fail_hint(ErrorCode::shape, "ntk", "flatten what lies behind the rows' axis",
                "outputs of {} inputs are [n, outputs] or [n], not {}", inputs.size(0),
                out.shape());
    return chosen_ ? index_select(out, 1, chosen_) : out;
  }
  Function on(Var inputs) const {
    return [*this, inputs = std::move(inputs)](const Vars& p) { return (*this)(p, inputs); };
  }

 private:
  RowFunction f_;
  const Point& at_;
  Tensor chosen_{};
};

// d f_a(x_i) / d parameters: [n, outputs, parameters].
Tensor jacobian_rows(const Rows& rows, const Tensor& x) {
  const Vars& values = rows.at().values;
  const Function of_one = [&](const Vars& in) {
    return jacobian(rows.on(unsqueeze(in[0], 0)), values);  // [1, outputs, ...] of each
  };
  const Vars parts = vmap(of_one)(make_vars(Var(x)));
  const std::int64_t n = x.size(0), outputs = parts[0].size(2);
  Tensor out = Tensor::empty({n * outputs, rows.at().space.size()}, rows.at().space.dtype());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Block& b = rows.at().space.blocks()[i];
    out.slice(1, b.begin, b.begin + b.size)
        .copy_from(parts[i].tensor().reshape({n * outputs, b.size}));
  }
  return out.reshape({n, outputs, rows.at().space.size()});
}

// [n, m, a, b] from [n, outputs, p] and [m, outputs, p]; traced [n, m, 1, 1].
Tensor contracted(const Tensor& j1, const Tensor& j2, bool trace) {
  const std::int64_t n = j1.size(0), m = j2.size(0), outputs = j1.size(1), size = j1.size(2);
  const Dims flat1 = trace ? Dims{n, outputs * size} : Dims{n * outputs, size},
             flat2 = trace ? Dims{m, outputs * size} : Dims{m * outputs, size};
  const Tensor k = matmul(Var(j1.reshape(flat1)), Var(j2.reshape(flat2)), {.b = true}).tensor();
  const std::int64_t block = trace ? 1 : outputs;
  return k.reshape({n, block, m, block}).permute({0, 2, 1, 3});
}

// The rows of x2 as tangents of the network at x1.
Tensor pushed(const LinearMap& network_at_x1, std::int64_t n, const Tensor& j2, bool trace) {
  const std::int64_t m = j2.size(0), outputs = j2.size(1);
  const Tensor k = network_at_x1.apply_batch(j2.reshape({m * outputs, j2.size(2)}))
                       .reshape({m, outputs, n, outputs});  // [m, b, n, a]
  if (!trace) return k.permute({2, 0, 3, 1});
  return sum(diagonal(k, 0, 1, 3), {2}).tensor().permute({1, 0}).reshape({n, m, 1, 1});
}

double elements(const Tensor& x) {
  return static_cast<double>(x.numel()) / static_cast<double>(std::max<std::int64_t>(x.size(0), 1));
}

struct Sizes {
  double n, m, outputs, parameters, element;
  double flops, bytes;  // of the network on one input
};

Sizes sizes_of(const Rows& rows, const Tensor& x1, const Tensor& x2) {
  if (x1.rank() < 1 || x1.rank() != x2.rank() || x1.size(0) < 1 || x2.size(0) < 1 ||
      elements(x1) != elements(x2))
    fail(ErrorCode::shape, "ntk", "inputs are [n, ...] and [m, ...], these are {} and {}",
         x1.shape(), x2.shape());
  const FunctionCount count = counted(rows.on(Var(x1.slice(0, 0, 1))), rows.at().values);
  return {.n = static_cast<double>(x1.size(0)),
          .m = static_cast<double>(x2.size(0)),
          .outputs = static_cast<double>(count.out[0].size(1)),
          .parameters = static_cast<double>(rows.at().space.size()),
          .element = static_cast<double>(size_of(rows.at().space.dtype())),
          .flops = count.flops,
          .bytes = count.bytes};
}

// A forward and, for each output, a backward pass: two multiplications for each one forward.
double rows_flops(const Sizes& s, double inputs) {
  return inputs * s.flops * (1 + 2 * s.outputs);
}
double rows_bytes(const Sizes& s, double inputs) {
  return inputs * (s.outputs * s.parameters * s.element + s.bytes * (1 + s.outputs));
}

// Rows of x1 are computed once, rows of x2 once for each tile of x1.
double all_rows_flops(const Sizes& s, double tile) {
  return rows_flops(s, s.n) + std::ceil(s.n / tile) * rows_flops(s, s.m);
}

Cost contract_cost(const Sizes& s, double tile, bool trace) {
  const double products = 2 * s.n * s.m * s.parameters * s.outputs * (trace ? 1 : s.outputs);
  return {all_rows_flops(s, tile) + products,
          rows_bytes(s, tile) + tile * s.outputs * s.parameters * s.element};
}

// A tangent costs two multiplications for each one of the network.
Cost vector_products_cost(const Sizes& s, double tile) {
  const double products = s.n * s.m * s.outputs * 2 * s.flops;
  return {s.n * s.flops + std::ceil(s.n / tile) * rows_flops(s, s.m) + products,
          rows_bytes(s, tile) + 2 * tile * s.bytes};
}

NtkPlan plan_with(const Sizes& s, const NtkOptions& o, std::int64_t tile) {
  NtkPlan plan{o.method, tile, contract_cost(s, static_cast<double>(tile), o.trace),
               vector_products_cost(s, static_cast<double>(tile))};
  if (o.method != NtkMethod::automatic) return plan;
  const auto limit =
      o.max_memory ? static_cast<double>(o.max_memory) : std::numeric_limits<double>::infinity();
  const bool contract_fits = plan.contract.bytes <= limit,
             products_fit = plan.vector_products.bytes <= limit;
  const bool contract = contract_fits == products_fit
                            ? plan.contract.flops <= plan.vector_products.flops
                            : contract_fits;
  plan.method = contract ? NtkMethod::contract : NtkMethod::vector_products;
  return plan;
}

double bytes_of(const NtkPlan& plan) {
  return (plan.method == NtkMethod::contract ? plan.contract : plan.vector_products).bytes;
}

NtkPlan plan_of(const Sizes& s, const NtkOptions& o) {
  if (o.tile < 0 || o.max_memory < 0)
    fail(ErrorCode::value, "ntk", "tile {}, max_memory {}", o.tile, o.max_memory);
  const auto larger = static_cast<std::int64_t>(std::max(s.n, s.m));
  std::int64_t tile = std::min(o.tile > 0 ? o.tile : greatest_tile, larger);
  NtkPlan plan = plan_with(s, o, tile);
  if (o.max_memory == 0 || bytes_of(plan) <= static_cast<double>(o.max_memory)) return plan;
  while (tile > 1 && bytes_of(plan) > static_cast<double>(o.max_memory))
    plan = plan_with(s, o, tile /= 2);
  const bool fits = bytes_of(plan) <= static_cast<double>(o.max_memory);
  if (fits && o.tile == 0) return plan;
  fail_hint(ErrorCode::memory, "ntk",
            fits ? fmt::format("tiles of {} inputs fit", tile)
                 : "choose fewer parameters or outputs: a single input does not fit",
            "tiles of {} inputs take {:.3g} GB by {}, the limit is {:.3g} GB",
            o.tile ? o.tile : tile, bytes_of(fits ? plan_with(s, o, o.tile) : plan) / 1e9,
            to_string(plan.method), static_cast<double>(o.max_memory) / 1e9);
}

// One row of tiles after the other.
class Sweep {
 public:
  Sweep(const Rows& rows, const NtkPlan& plan, const NtkOptions& o)
      : rows_(rows), plan_(plan), trace_(o.trace), options_{.max_memory = o.max_memory} {}

  void start(const Tensor& x1) {
    n_ = x1.size(0);
    if (plan_.method == NtkMethod::contract)
      j1_ = jacobian_rows(rows_, x1);
    else
      at_x1_.emplace(jacobian_map(rows_.on(Var(x1)), rows_.at(), options_));
  }
  Tensor tile(const Tensor& x2) const { return from_rows(jacobian_rows(rows_, x2)); }
  // With x1 itself.
  Tensor diagonal_tile(const Tensor& x1) const { return j1_ ? from_rows(j1_) : tile(x1); }

 private:
  Tensor from_rows(const Tensor& j2) const {
    return at_x1_ ? pushed(*at_x1_, n_, j2, trace_) : contracted(j1_, j2, trace_);
  }
  const Rows& rows_;
  const NtkPlan plan_;
  const bool trace_;
  const MapOptions options_;
  std::int64_t n_ = 0;
  Tensor j1_{};
  std::optional<LinearMap> at_x1_;
};

Tensor stretch(const Tensor& x, std::int64_t i, std::int64_t tile) {
  return x.slice(0, i * tile, std::min((i + 1) * tile, x.size(0)));
}
std::int64_t tiles_in(const Tensor& x, std::int64_t tile) {
  return (x.size(0) + tile - 1) / tile;
}

Tensor tile_of(const Tensor& kernel, std::int64_t i, std::int64_t j, std::int64_t tile) {
  return stretch(stretch(kernel, i, tile).transpose(0, 1), j, tile).transpose(0, 1);
}
std::int64_t block_size(const Sizes& s, const NtkOptions& o) {
  return o.trace ? 1 : static_cast<std::int64_t>(s.outputs);
}

// put(i, j, tile) for the tiles on and above the diagonal that are wanted(i, j).
template <class Wanted, class Put>
void upper_tiles(Sweep sweep, const Tensor& x, std::int64_t tile, const Wanted& wanted,
                 const Put& put) {
  for (std::int64_t i = 0; i < tiles_in(x, tile); ++i) {
    const Tensor x1 = stretch(x, i, tile);
    bool started = false;
    for (std::int64_t j = i; j < tiles_in(x, tile); ++j) {
      if (!wanted(i, j)) continue;
      if (!std::exchange(started, true)) sweep.start(x1);
      put(i, j, i == j ? sweep.diagonal_tile(x1) : sweep.tile(stretch(x, j, tile)));
    }
  }
}

// [n, m, block, block], or [n, m] of a traced kernel.
Tensor shaped(const Tensor& kernel, bool trace) {
  return trace ? kernel.reshape({kernel.size(0), kernel.size(1)}) : kernel;
}

// FNV-1a over type, shape and elements (Fowler, Noll, Vo): names a kernel, guards against nothing.
std::uint64_t fingerprint(const Tensors& tensors) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  const auto mix = [&](const void* data, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i)
      hash = (hash ^ static_cast<const std::uint8_t*>(data)[i]) * 0x100000001b3u;
  };
  for (const Tensor& t : tensors) {
    const Tensor c = t.contiguous();
    for (const std::int64_t size : c.shape()) mix(&size, sizeof size);
    mix(c.bytes(), static_cast<std::size_t>(c.numel() * size_of(c.dtype())));
  }
  return hash;
}

std::string kernel_note(const Point& at, const Tensor& x, const NtkOptions& o) {
  Tensors tensors{x};
  for (const Var& v : at.values) tensors.push_back(v.tensor());
  return fmt::format("tangent kernel {:016x}, outputs {}, {}", fingerprint(tensors),
                     o.outputs.empty() ? "all" : fmt::format("{}", fmt::join(o.outputs, " ")),
                     o.trace ? "traced" : "full");
}

}  // namespace

RowFunction rows_of(const ParameterPoint& at) {
  return
      [at](const Vars& parameters, const Var& inputs) { return at.outputs(inputs)(parameters)[0]; };
}

std::string to_string(NtkMethod method) {
  switch (method) {
    case NtkMethod::automatic:
      return "the cheapest method";
    case NtkMethod::contract:
      return "contraction";
    case NtkMethod::vector_products:
      return "vector products";
  }
  return {};
}

NtkPlan ntk_plan(const RowFunction& f, const Point& at, const Tensor& x1, const Tensor& x2,
                 const NtkOptions& options) {
  return plan_of(sizes_of(Rows(f, at, options), x1, x2), options);
}

Tensor ntk(const RowFunction& f, const Point& at, const Tensor& x1, const Tensor& x2,
           const NtkOptions& options) {
  const Rows rows(f, at, options);
  const Sizes sizes = sizes_of(rows, x1, x2);
  const NtkPlan plan = plan_of(sizes, options);
  const std::int64_t block = block_size(sizes, options);
  Tensor out = Tensor::empty({x1.size(0), x2.size(0), block, block}, at.space.dtype());
  Sweep sweep(rows, plan, options);
  for (std::int64_t i = 0; i < tiles_in(x1, plan.tile); ++i) {
    sweep.start(stretch(x1, i, plan.tile));
    for (std::int64_t j = 0; j < tiles_in(x2, plan.tile); ++j)
      tile_of(out, i, j, plan.tile).copy_from(sweep.tile(stretch(x2, j, plan.tile)));
  }
  return shaped(out, options.trace);
}

Tensor ntk(const RowFunction& f, const Point& at, const Tensor& x, const NtkOptions& options) {
  const Rows rows(f, at, options);
  const Sizes sizes = sizes_of(rows, x, x);
  const NtkPlan plan = plan_of(sizes, options);
  const std::int64_t block = block_size(sizes, options);
  Tensor out = Tensor::empty({x.size(0), x.size(0), block, block}, at.space.dtype());
  const auto put = [&](std::int64_t i, std::int64_t j, const Tensor& tile) {
    tile_of(out, i, j, plan.tile).copy_from(tile);
    if (i != j) tile_of(out, j, i, plan.tile).copy_from(tile.permute({1, 0, 3, 2}));
  };
  upper_tiles(
      Sweep(rows, plan, options), x, plan.tile, [](std::int64_t, std::int64_t) { return true; },
      put);
  return shaped(out, options.trace);
}

void ntk(const RowFunction& f, const Point& at, const Tensor& x, TileFolder& folder,
         const NtkOptions& options, const std::function<void(double)>& pause) {
  const Rows rows(f, at, options);
  const Sizes sizes = sizes_of(rows, x, x);
  const NtkPlan plan = plan_of(sizes, options);
  folder.describe(kernel_note(at, x, options), x.size(0), block_size(sizes, options), plan.tile,
                  at.space.dtype());
  const std::int64_t side = folder.tiles(), all = side * (side + 1) / 2;
  std::int64_t done = 0;
  const auto wanted = [&](std::int64_t i, std::int64_t j) {
    if (pause) pause(static_cast<double>(done++) / static_cast<double>(all));
    return !folder.has(i, j);
  };
  upper_tiles(Sweep(rows, plan, options), x, plan.tile, wanted,
              [&](std::int64_t i, std::int64_t j, const Tensor& tile) { folder.put(i, j, tile); });
}

}  // namespace sonde
