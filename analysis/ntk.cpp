#include "analysis/ntk.hpp"

#include <map>

#include "analysis/function_maps.hpp"
#include "analysis/ntk_plan.hpp"
#include "autograd/ops.hpp"

namespace sonde {
namespace {

using detail::NtkRows;
using detail::NtkWork;

// What is known of the derivatives at the inputs of one tile.
struct Side {
  Tensors rows{};                  // [n, outputs, elements] each, of some parameters
  std::vector<Factors> factors{};  // of the uses done by Gram matrices
};

Side side_of(const NtkRows& rows, const NtkWork& work, const Tensor& x) {
  const std::int64_t n = x.size(0);
  Derivatives d = derivatives(rows.by_item(), rows.at().values, {x}, work.uses);
  Side side;
  for (std::size_t k = 0; k < d.factors.size(); ++k)
    if (work.gram[k])
      side.factors.push_back(std::move(d.factors[k]));
    else
      side.rows.push_back(gradients(work.uses.uses[k], d.factors[k]));
  Vars parts;
  for (const Var& v : d.others) parts.push_back(reshape(v, {n, work.outputs, -1}));
  if (!parts.empty()) side.rows.push_back(concat(parts, 2).tensor());
  return side;
}

// j j' for rows [n, p]: the quarter below the diagonal is the one above it, transposed.
Tensor own_products(const Tensor& j) {
  constexpr std::int64_t small = 192;
  const std::int64_t n = j.size(0), half = n / 2;
  if (n <= small) return matmul(Var(j), Var(j), {.b = true}).tensor();
  const Tensor upper = j.slice(0, 0, half), lower = j.slice(0, half, n);
  const Var corner = matmul(Var(upper), Var(lower), {.b = true});
  return concat({concat({own_products(upper), corner}, 1),
                 concat({transpose(corner), own_products(lower)}, 1)},
                0)
      .tensor();
}

// [n outputs, m outputs] from [n, outputs, p] and [m, outputs, p]; traced [n, m].
Tensor contracted(const Tensor& j1, const Tensor& j2, bool trace) {
  const auto flat = [&](const Tensor& j) {
    return j.reshape(trace ? Dims{j.size(0), -1} : Dims{j.size(0) * j.size(1), j.size(2)});
  };
  const Tensor a = flat(j1), b = flat(j2);
  return a.bytes() == b.bytes() ? own_products(a) : matmul(Var(a), Var(b), {.b = true}).tensor();
}

// The rows of x2 as tangents of the network at x1: as contracted().
Tensor pushed(const LinearMap& network_at_x1, std::int64_t n, const Tensor& j2, bool trace) {
  const std::int64_t m = j2.size(0), outputs = j2.size(1);
  const Tensor k = network_at_x1.apply_batch(j2.reshape({m * outputs, j2.size(2)}))
                       .reshape({m, outputs, n, outputs});  // [m, b, n, a]
  if (!trace) return k.permute({2, 3, 0, 1}).reshape({n * outputs, m * outputs});
  return sum(diagonal(k, 0, 1, 3), {2}).tensor().permute({1, 0});
}

Tensor stretch(const Tensor& x, std::int64_t i, std::int64_t tile) {
  return x.slice(0, i * tile, std::min((i + 1) * tile, x.size(0)));
}
std::int64_t tiles_in(const Tensor& x, std::int64_t tile) {
  return (x.size(0) + tile - 1) / tile;
}

// Writes tile (i, j) [n, m, block, block] into the whole kernel.
void put(const Tensor& out, std::int64_t i, std::int64_t j, std::int64_t tile, const Tensor& k) {
  stretch(stretch(out, i, tile).transpose(0, 1), j, tile).copy_from(k.transpose(0, 1));
}

// Tiles of the kernel between x1 and x2, row by row.
class Sweep {
 public:
  /// With `same`, x1 and x2 are one.
  Sweep(const NtkRows& rows, const NtkWork& work, const Tensor& x1, const Tensor& x2, bool same,
        const NtkOptions& o)
      : rows_(rows), work_(work), x1_(x1), x2_(x2), same_(same), options_(o) {}

  /// [n, m, block, block]
  Tensor tile(std::int64_t i, std::int64_t j) {
    if (i != row_) start(i);
    const Side right = column(j);
    const Tensor k = at_x1_ ? pushed(*at_x1_, n_, right.rows[0], options_.trace) : product(right);
    const std::int64_t block = options_.trace ? 1 : work_.outputs;
    return k.reshape({n_, block, k.size(1) / block, block}).permute({0, 2, 1, 3});
  }

 private:
  void start(std::int64_t i) {
    row_ = i;
    const Tensor here = stretch(x1_, i, work_.plan.tile);
    n_ = here.size(0);
    if (work_.plan.method == NtkMethod::vector_products)
      at_x1_.emplace(
          jacobian_map(rows_.on(Var(here)), rows_.at(), {.max_memory = options_.max_memory}));
    else
      left_ = same_ ? kept_or_made(i) : side_of(rows_, work_, here);
  }
  Side column(std::int64_t j) { return same_ && j == row_ && !at_x1_ ? left_ : kept_or_made(j); }
  Side kept_or_made(std::int64_t j) {
    if (const auto found = kept_.find(j); found != kept_.end()) return found->second;
    Side side = side_of(rows_, work_, stretch(x2_, j, work_.plan.tile));
    if (work_.plan.keep) kept_.emplace(j, side);
    return side;
  }

  // [n block, m block], the sum over all parameters.
  Tensor product(const Side& right) const {
    Var total;
    const auto plus = [&](const Var& part) { total = total ? add(total, part) : part; };
    for (std::size_t k = 0; k < left_.rows.size(); ++k)
      plus(contracted(left_.rows[k], right.rows[k], options_.trace));
    for (std::size_t k = 0, next = 0; k < work_.gram.size(); ++k) {
      if (!work_.gram[k]) continue;
      const Var part =
          gram_kernel(work_.uses.uses[k], left_.factors[next], right.factors[next], options_.trace);
      total = total ? add(total, part) : part;
      ++next;
    }
    return total.tensor();
  }

  const NtkRows& rows_;
  const NtkWork& work_;
  const Tensor &x1_, &x2_;
  const bool same_;
  const NtkOptions& options_;
  std::int64_t row_ = -1, n_ = 0;
  Side left_;
  std::optional<LinearMap> at_x1_;
  std::map<std::int64_t, Side> kept_;
};

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
    const Tensor c = t.to(Device{}).contiguous();
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

Tensor ntk(const RowFunction& f, const Point& at, const Tensor& x1, const Tensor& x2,
           const NtkOptions& options) {
  const NtkRows rows(f, at, options);
  const NtkWork work = detail::ntk_work(rows, x1, x2, options);
  const std::int64_t block = options.trace ? 1 : work.outputs, tile = work.plan.tile;
  Tensor out =
      Tensor::empty({x1.size(0), x2.size(0), block, block}, at.space.dtype(), at.space.device());
  Sweep sweep(rows, work, x1, x2, false, options);
  for (std::int64_t i = 0; i < tiles_in(x1, tile); ++i)
    for (std::int64_t j = 0; j < tiles_in(x2, tile); ++j) put(out, i, j, tile, sweep.tile(i, j));
  return shaped(out, options.trace);
}

Tensor ntk(const RowFunction& f, const Point& at, const Tensor& x, const NtkOptions& options) {
  const NtkRows rows(f, at, options);
  const NtkWork work = detail::ntk_work(rows, x, x, options);
  const std::int64_t block = options.trace ? 1 : work.outputs, tile = work.plan.tile;
  Tensor out =
      Tensor::empty({x.size(0), x.size(0), block, block}, at.space.dtype(), at.space.device());
  Sweep sweep(rows, work, x, x, true, options);
  for (std::int64_t i = 0; i < tiles_in(x, tile); ++i)
    for (std::int64_t j = i; j < tiles_in(x, tile); ++j) {
      const Tensor k = sweep.tile(i, j);
      put(out, i, j, tile, k);
      if (i != j) put(out, j, i, tile, k.permute({1, 0, 3, 2}));
    }
  return shaped(out, options.trace);
}

void ntk(const RowFunction& f, const Point& at, const Tensor& x, TileFolder& folder,
         const NtkOptions& options, const std::function<void(double)>& pause) {
  const NtkRows rows(f, at, options);
  const NtkWork work = detail::ntk_work(rows, x, x, options);
  folder.describe(kernel_note(at, x, options), x.size(0), options.trace ? 1 : work.outputs,
                  work.plan.tile, at.space.dtype());
  const std::int64_t side = folder.tiles(), all = side * (side + 1) / 2;
  Sweep sweep(rows, work, x, x, true, options);
  std::int64_t done = 0;
  for (std::int64_t i = 0; i < side; ++i)
    for (std::int64_t j = i; j < side; ++j, ++done) {
      if (pause) pause(static_cast<double>(done) / static_cast<double>(all));
      if (!folder.has(i, j)) folder.put(i, j, sweep.tile(i, j));
    }
}

}  // namespace sonde
