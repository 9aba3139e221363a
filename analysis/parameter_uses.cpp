#include "analysis/parameter_uses.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "autograd/interpreter.hpp"
#include "autograd/ops.hpp"

namespace sonde {
namespace {

bool is_view_of(const Var& v, const Tensor& of) {
  return v.is_tensor() && &v.tensor().storage() == &of.storage();
}

// Watches the parameters of one run. A box stands for a parameter or a view of one; where it meets
// data, the box ends and the caller is told. Poses as vmap, beside which fused operations stay
// fused.
class Watch final : public Interpreter {
 public:
  /// What goes on in the place of what left the meeting.
  using Met = std::function<Var(const Meeting&, const Var& data, const Var& out)>;
  explicit Watch(Met met)
      : Interpreter(TransformKind::batch, Site::current()), met_(std::move(met)) {}

  Var box(std::size_t parameter, const Tensor& view) {
    const Ref<Box> b = new_box(view.spec(), view);
    b->node = static_cast<std::int32_t>(pieces_.size());
    pieces_.push_back({parameter, view});
    return Var(b);
  }
  Var unboxed(const Var& v) const {
    const Box* b = mine(v);
    return b ? b->value : v;
  }
  /// Parameters that were used in another way.
  const std::set<std::size_t>& others() const { return others_; }

  Vars process(const PrimitivePtr& p, const Vars& in, Site where) override {
    if (p->name() == "lstm") return p->decompose(in);  // its products are what is looked for
    Vars values;
    std::vector<std::size_t> sides;
    for (const Var& v : in) {
      if (mine(v)) sides.push_back(values.size());
      values.push_back(unboxed(v));
    }
    Vars out = emit(p, values, where);
    if (!p->differentiable()) return out;
    if (sides.size() == 1) {
      const Piece piece = pieces_[static_cast<std::size_t>(mine(in[sides[0]])->node)];
      if (in.size() == 1 &&
          std::ranges::all_of(out, [&](const Var& v) { return is_view_of(v, piece.view); })) {
        for (Var& v : out) v = box(piece.parameter, v.tensor());
        return out;
      }
      if (in.size() == 2 && meet(*p, sides[0], piece, values[1 - sides[0]], out)) return out;
    }
    for (const std::size_t side : sides)
      others_.insert(pieces_[static_cast<std::size_t>(mine(in[side])->node)].parameter);
    return out;
  }

 private:
  struct Piece {
    std::size_t parameter;
    Tensor view;
  };
  bool meet(const Primitive& p, std::size_t side, const Piece& piece, const Var& data, Vars& out) {
    auto m = meeting_of(p, side, piece.view, data, out[0]);
    if (!m) return false;
    m->parameter = piece.parameter;
    out[0] = met_(*m, data, out[0]);
    return true;
  }
  Met met_;
  std::vector<Piece> pieces_;
  std::set<std::size_t> others_;
};

// The function's outputs [o] for one item, with the parameters that are not `plain` watched.
Var watched(Watch& watch, const ItemFunction& f, Vars parameters, const Vars& item,
            const std::vector<std::size_t>& plain) {
  TransformScope scope(watch);
  for (std::size_t i = 0; i < parameters.size(); ++i)
    if (!std::ranges::binary_search(plain, i)) parameters[i] = watch.box(i, parameters[i].tensor());
  const Var y = watch.unboxed(f(parameters, item));
  return reshape(y, {y.numel()});
}

// Marks the elements of a view of a parameter, which is one block; false if one was marked before.
bool mark(const Tensor& view, const Tensor& whole, std::vector<bool>& marked) {
  for (std::int64_t k = 0; k < view.numel(); ++k) {
    std::int64_t at = view.offset() - whole.offset(), rest = k;
    for (int axis = view.rank() - 1; axis >= 0; --axis) {
      at += rest % view.shape()[axis] * view.strides()[axis];
      rest /= view.shape()[axis];
    }
    if (marked[static_cast<std::size_t>(at)]) return false;
    marked[static_cast<std::size_t>(at)] = true;
  }
  return true;
}

std::vector<Use> grouped(const std::vector<Meeting>& meetings) {
  std::vector<Use> uses;
  for (std::size_t i = 0; i < meetings.size(); ++i) {
    const Meeting& m = meetings[i];
    auto use = std::ranges::find_if(
        uses, [&](const Use& u) { return same_use(meetings[u.meetings[0]], m); });
    if (use == uses.end())
      use = uses.insert(uses.end(), {.parameter = m.parameter,
                                     .groups = m.groups,
                                     .in = m.in,
                                     .out = m.out,
                                     .lookup = m.kind == Meeting::Kind::lookup});
    use->positions += m.positions;
    use->meetings.push_back(i);
  }
  return uses;
}

// Parameters of which one element is used in two ways: these would have inner products with each
// other.
std::set<std::size_t> entangled(const std::vector<Use>& uses, const std::vector<Meeting>& meetings,
                                const Vars& parameters) {
  std::set<std::size_t> found;
  std::map<std::size_t, std::vector<bool>> marked;
  for (const Use& use : uses) {
    const Tensor whole = parameters[use.parameter].tensor(), view = meetings[use.meetings[0]].view;
    const bool alone = std::ranges::count(uses, use.parameter, &Use::parameter) == 1;
    if (alone && view.is_dense()) continue;
    auto& marks = marked[use.parameter];
    marks.resize(static_cast<std::size_t>(whole.numel()));
    if (!whole.is_dense() || !mark(view, whole, marks)) found.insert(use.parameter);
  }
  return found;
}

// The positions of all meetings of one use, one after the other.
Tensor joined(const std::vector<Tensor>& parts, std::int64_t axis) {
  if (parts.size() == 1) return parts[0];
  Vars all;
  for (const Tensor& t : parts) all.push_back(t);
  return concat(all, axis).tensor();
}

// What leaves the pass for one item: the data of each meeting, the cotangents of what left it, the
// derivatives of the others.
class Pass {
 public:
  Pass(const ItemFunction& f, const Vars& parameters, const ParameterUses& uses)
      : f_(f), parameters_(parameters), uses_(uses) {
    for (const Meeting& m : uses.meetings)
      free_.push_back(  // is added to what leaves
          Tensor::zeros(m.shape, m.view.dtype(), m.view.device()));
    for (const std::size_t i : uses.others) free_.push_back(parameters[i]);
  }

  Vars operator()(const Vars& item) const {
    if (free_.empty()) return {};
    const VjpResult r = vjp([&](const Vars& free) { return run(free, item); }, free_);
    const Function back = [&](const Var& u) {
      Vars cotangents;
      cotangents.resize(r.out.size());
      cotangents[0] = u;
      return r.pullback(cotangents);
    };
    Vars all(std::span(r.out).subspan(1));
    const Var units = Tensor::eye(uses_.outputs, r.out[0].dtype(), r.out[0].device());
    for (Var& v : vmap(back)(make_vars(units))) all.push_back(std::move(v));
    return all;
  }

 private:
  Vars run(const Vars& free, const Vars& item) const {
    const std::size_t meetings = uses_.meetings.size();
    Vars values = parameters_, data;
    for (std::size_t k = 0; k < uses_.others.size(); ++k)
      values[uses_.others[k]] = free[meetings + k];
    Watch watch([&](const Meeting&, const Var& in, const Var& out) {
      data.push_back(in);
      return add(out, free[data.size() - 1]);
    });
    Vars out = make_vars(watched(watch, f_, std::move(values), item, uses_.others));
    for (Var& v : data) out.push_back(std::move(v));
    return out;
  }
  const ItemFunction& f_;
  const Vars& parameters_;
  const ParameterUses& uses_;
  Vars free_;
};

}  // namespace

ParameterUses parameter_uses(const ItemFunction& f, const Vars& parameters, const Vars& batch,
                             const std::vector<std::size_t>& plain) {
  ParameterUses found;
  std::set<std::size_t> others(plain.begin(), plain.end());
  Watch watch([&](const Meeting& m, const Var&, const Var& out) {
    found.meetings.push_back(m);
    return out;
  });
  Vars first;
  for (const Var& v : batch) first.push_back(slice(v, 0, 0, 1));
  const std::vector<std::size_t> skipped(others.begin(), others.end());
  const Vars y = vmap([&](const Vars& item) {
    return make_vars(watched(watch, f, parameters, item, skipped));
  })(first);
  found.outputs = y[0].size(1);
  others.insert(watch.others().begin(), watch.others().end());
  others.merge(entangled(grouped(found.meetings), found.meetings, parameters));
  std::erase_if(found.meetings, [&](const Meeting& m) { return others.contains(m.parameter); });
  found.uses = grouped(found.meetings);
  found.others.assign(others.begin(), others.end());
  return found;
}

Derivatives derivatives(const ItemFunction& f, const Vars& parameters, const Vars& batch,
                        const ParameterUses& uses) {
  const Pass pass(f, parameters, uses);
  const Vars all = vmap([&](const Vars& item) { return pass(item); })(batch);
  const std::size_t meetings = uses.meetings.size();
  Derivatives d;
  for (const Use& use : uses.uses) {
    std::vector<Tensor> in, out;
    for (const std::size_t i : use.meetings) {
      in.push_back(input_factor(uses.meetings[i], all[i].tensor()));
      out.push_back(cotangent_factor(uses.meetings[i], all[meetings + i].tensor()));
    }
    d.factors.push_back({joined(in, 2), joined(out, 3)});
  }
  for (std::size_t k = 0; k < uses.others.size(); ++k) d.others.push_back(all[2 * meetings + k]);
  return d;
}

}  // namespace sonde
