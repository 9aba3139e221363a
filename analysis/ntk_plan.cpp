#include "analysis/ntk_plan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "analysis/count.hpp"
#include "autograd/ops.hpp"

namespace sonde {
namespace detail {

NtkRows::NtkRows(RowFunction f, const Point& at, const NtkOptions& o) : f_(std::move(f)), at_(at) {
  if (!o.outputs.empty())
    chosen_ = Tensor::from<std::int64_t>(o.outputs, {static_cast<std::int64_t>(o.outputs.size())})
                  .to(at.space.device());
}

Var NtkRows::operator()(const Vars& parameters, const Var& inputs) const {
  Var out = f_(parameters, inputs);
  if (out.rank() == 1) out = unsqueeze(out, 1);
  if (out.rank() != 2 || out.size(0) != inputs.size(0))
    fail_hint(ErrorCode::shape, "ntk", "flatten what lies behind the rows' axis",
              "outputs of {} inputs are [n, outputs] or [n], not {}", inputs.size(0), out.shape());
  if (!is_differentiable(out.dtype()))
    fail_hint(ErrorCode::dtype, "ntk", "give the scores that this was made of",
              "outputs are {}, which have no derivative", out.spec());
  return chosen_ ? index_select(out, 1, chosen_) : out;
}

Function NtkRows::on(Var inputs) const {
  return [*this, inputs = std::move(inputs)](const Vars& p) { return (*this)(p, inputs); };
}

ItemFunction NtkRows::by_item() const {
  return [*this](const Vars& p, const Vars& item) {
    return select((*this)(p, unsqueeze(item[0], 0)), 0, 0);
  };
}

namespace {

constexpr std::int64_t greatest_tile = 128;
constexpr double kept_by_default = 2.0 * (1 << 30);  // bytes

double elements(const Tensor& x) {
  return static_cast<double>(x.numel()) / static_cast<double>(std::max<std::int64_t>(x.size(0), 1));
}

struct Sizes {
  double n, m, outputs, parameters, element;
  double flops, bytes;  // of the network on one input
};

Sizes sizes_of(const NtkRows& rows, const Tensor& x1, const Tensor& x2) {
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

// What the structured method does with each parameter.
struct Structure {
  ParameterUses uses{};
  std::vector<bool> gram{};
  double flops = 0;    // of the kernel, once all derivatives are there
  double rows = 0;     // elements of derivatives, for an input and an output
  double factors = 0;  // elements of factors, for an input
  double widest = 0;   // elements of a Gram matrix, for a pair of inputs
};

double contraction_flops(const Sizes& s, double parameters, bool trace) {
  return 2 * s.n * s.m * parameters * s.outputs * (trace ? 1 : s.outputs);
}

Structure structure_of(const NtkRows& rows, const Sizes& s, const Tensor& x, bool trace) {
  Structure out;
  out.uses = parameter_uses(rows.by_item(), rows.at().values, {x});
  const KernelSize size{s.n, s.m, s.outputs, trace};
  for (const Use& u : out.uses.uses) {
    const bool gram = gram_flops(u, size) < gradient_flops(u, size);
    out.gram.push_back(gram);
    out.flops += std::min(gram_flops(u, size), gradient_flops(u, size));
    const auto t = static_cast<double>(u.positions), groups = static_cast<double>(u.groups);
    out.factors += groups * t * static_cast<double>(u.lookup ? 1 : u.in) +
                   groups * t * s.outputs * static_cast<double>(u.out);
    if (gram)
      out.widest =
          std::max(out.widest, groups * std::max(t * t, trace ? 1 : s.outputs * s.outputs));
    else
      out.rows += groups * static_cast<double>(u.in * u.out);
  }
  for (const std::size_t i : out.uses.others) {
    const auto elements = static_cast<double>(rows.at().space.blocks()[i].size);
    out.rows += elements;
    out.flops += contraction_flops(s, elements, trace);
  }
  return out;
}

std::vector<std::pair<std::string, NtkForm>> forms_of(const Structure& structure, const Space& in) {
  std::vector<std::pair<std::string, NtkForm>> forms;
  for (std::size_t i = 0; i < in.blocks().size(); ++i) {
    std::optional<NtkForm> form;
    if (std::ranges::binary_search(structure.uses.others, i)) form = NtkForm::jacobian;
    for (std::size_t k = 0; k < structure.gram.size(); ++k)
      if (structure.uses.uses[k].parameter == i && form != NtkForm::gram)
        form = structure.gram[k] ? NtkForm::gram : NtkForm::gradients;
    if (form) forms.emplace_back(in.blocks()[i].name, *form);
  }
  return forms;
}

// Of one input: a forward and, for each output, a backward pass. Without derivatives by weights the
// latter is one multiplication for each one forward, with them two.
double pass_flops(const Sizes& s, double backward) {
  return s.flops * (1 + backward * s.outputs);
}
// With rows of the Jacobian, which go to memory.
double rows_flops(const Sizes& s) {
  return pass_flops(s, 2) + memory_pass * s.outputs * s.parameters;
}

// Of one method: flops of passes over one input of x1 and x2, of all products, bytes for an input
// and for a pair of inputs of a tile, and bytes that all tiles would keep.
struct Parts {
  double pass1, pass2, products, bytes_each, bytes_pair, kept;
};

Parts contract_parts(const Sizes& s, bool trace) {
  const double row = s.outputs * s.parameters * s.element, pass = rows_flops(s);
  return {pass,
          pass,
          contraction_flops(s, s.parameters, trace),
          2 * row + s.bytes * (1 + s.outputs),
          0,
          s.m * row};
}

// A tangent costs two multiplications for each one of the network.
Parts vector_product_parts(const Sizes& s) {
  const double row = s.outputs * s.parameters * s.element;
  return {s.flops,
          rows_flops(s),
          s.n * s.m * s.outputs * 2 * s.flops,
          2 * row + s.bytes * (3 + s.outputs),
          0,
          s.m * row};
}

Parts structured_parts(const Sizes& s, const Structure& by) {
  const double row = (s.outputs * by.rows + by.factors) * s.element, pass = pass_flops(s, 1);
  return {pass,     pass, by.flops, 2 * row + s.bytes * (1 + s.outputs), 2 * by.widest * s.element,
          s.m * row};
}

struct Choice {
  Cost cost;
  bool keep;
};

Choice choice_of(const Parts& p, const Sizes& s, double tile, double limit) {
  const double bytes = tile * p.bytes_each + tile * tile * p.bytes_pair,
               rows = std::ceil(s.n / tile);
  const bool keep = rows > 1 && (limit > 0 ? bytes + p.kept <= limit : p.kept <= kept_by_default);
  return {{s.n * p.pass1 + (keep ? 1 : rows) * s.m * p.pass2 + p.products, bytes}, keep};
}

class Planner {
 public:
  Planner(const NtkRows& rows, const Tensor& x1, const Tensor& x2, const NtkOptions& o)
      : o_(o), sizes_(sizes_of(rows, x1, x2)) {
    if (o.tile < 0 || o.max_memory < 0)
      fail(ErrorCode::value, "ntk", "tile {}, max_memory {}", o.tile, o.max_memory);
    if (asks_structured()) {
      structure_ = structure_of(rows, sizes_, x1, o.trace);
      forms_ = forms_of(structure_, rows.at().space);
    }
  }

  NtkPlan plan() const {
    const auto larger = static_cast<std::int64_t>(std::max(sizes_.n, sizes_.m));
    std::int64_t tile = std::min(o_.tile > 0 ? o_.tile : greatest_tile, larger);
    NtkPlan plan = with_tile(tile);
    if (fits(plan)) return plan;
    while (tile > 1 && !fits(plan)) plan = with_tile(tile /= 2);
    if (fits(plan) && o_.tile == 0) return plan;
    const NtkPlan asked = o_.tile ? with_tile(o_.tile) : plan;
    fail_hint(ErrorCode::memory, "ntk",
              fits(plan) ? fmt::format("tiles of {} inputs fit", tile)
                         : "choose fewer parameters or outputs: a single input does not fit",
              "tiles of {} inputs take {:.3g} GB by {}, the limit is {:.3g} GB", asked.tile,
              asked.cost().bytes / 1e9, to_string(asked.method),
              static_cast<double>(o_.max_memory) / 1e9);
  }
  const Structure& structure() const { return structure_; }
  std::int64_t outputs() const { return static_cast<std::int64_t>(sizes_.outputs); }

 private:
  bool asks_structured() const {
    return o_.method == NtkMethod::automatic || o_.method == NtkMethod::structured;
  }
  bool fits(const NtkPlan& plan) const {
    return o_.max_memory == 0 || plan.cost().bytes <= static_cast<double>(o_.max_memory);
  }

  NtkPlan with_tile(std::int64_t tile) const {
    const auto t = static_cast<double>(tile), limit = static_cast<double>(o_.max_memory);
    std::vector<std::pair<NtkMethod, Choice>> all{
        {NtkMethod::contract, choice_of(contract_parts(sizes_, o_.trace), sizes_, t, limit)},
        {NtkMethod::vector_products, choice_of(vector_product_parts(sizes_), sizes_, t, limit)}};
    if (asks_structured())
      all.emplace_back(NtkMethod::structured,
                       choice_of(structured_parts(sizes_, structure_), sizes_, t, limit));
    NtkPlan plan{
        .tile = tile, .contract = all[0].second.cost, .vector_products = all[1].second.cost};
    if (all.size() > 2) plan.structured = all[2].second.cost;
    plan.forms = forms_;
    const auto worse = [&](const auto& a, const auto& b) {  // does not fit, or takes longer
      const bool fits_a = !(limit > 0) || a.second.cost.bytes <= limit,
                 fits_b = !(limit > 0) || b.second.cost.bytes <= limit;
      return fits_a != fits_b ? fits_b : a.second.cost.flops > b.second.cost.flops;
    };
    const auto* best =
        o_.method == NtkMethod::automatic
            ? &*std::ranges::max_element(all,
                                         [&](const auto& a, const auto& b) { return worse(a, b); })
            : &*std::ranges::find(all, o_.method, &std::pair<NtkMethod, Choice>::first);
    plan.method = best->first;
    plan.keep = best->second.keep;
    return plan;
  }

  const NtkOptions& o_;
  const Sizes sizes_;
  Structure structure_;
  std::vector<std::pair<std::string, NtkForm>> forms_;
};

}  // namespace

NtkWork ntk_work(const NtkRows& rows, const Tensor& x1, const Tensor& x2, const NtkOptions& o) {
  const Planner planner(rows, x1, x2, o);
  NtkWork work{.plan = planner.plan(), .outputs = planner.outputs()};
  if (work.plan.method == NtkMethod::structured) {
    work.uses = planner.structure().uses;
    work.gram = planner.structure().gram;
    return work;
  }
  work.uses.outputs = work.outputs;
  work.uses.others.resize(rows.at().values.size());
  std::iota(work.uses.others.begin(), work.uses.others.end(), std::size_t{0});
  return work;
}

}  // namespace detail

std::string to_string(NtkMethod method) {
  switch (method) {
    case NtkMethod::automatic:
      return "the cheapest method";
    case NtkMethod::contract:
      return "contraction";
    case NtkMethod::vector_products:
      return "vector products";
    case NtkMethod::structured:
      return "structured derivatives";
  }
  return {};
}

std::string to_string(NtkForm form) {
  switch (form) {
    case NtkForm::gram:
      return "Gram matrices";
    case NtkForm::gradients:
      return "gradients";
    case NtkForm::jacobian:
      return "Jacobian";
  }
  return {};
}

const Cost& NtkPlan::cost(NtkMethod by) const {
  switch (by == NtkMethod::automatic ? method : by) {
    case NtkMethod::contract:
      return contract;
    case NtkMethod::vector_products:
      return vector_products;
    default:
      return structured;
  }
}

NtkPlan ntk_plan(const RowFunction& f, const Point& at, const Tensor& x1, const Tensor& x2,
                 const NtkOptions& options) {
  return detail::ntk_work(detail::NtkRows(f, at, options), x1, x2, options).plan;
}

}  // namespace sonde
