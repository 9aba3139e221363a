#include "autograd/transforms.hpp"

#include "autograd/bases.hpp"
#include "autograd/batch.hpp"
#include "autograd/jvp.hpp"

namespace sonde {
namespace {

void check_pair(std::string_view op, const Var& x, const Var& v, std::size_t i, Site where) {
  if (!v || v.spec() == x.spec()) {
    if (v && !is_differentiable(x.dtype()))
      throw Error(ErrorCode::dtype, op,
                  fmt::format("argument {} is {}: integers have no derivative", i, x.spec()),
                  "leave its tangent empty")
          .at(where);
    return;
  }
  const bool elsewhere = v.shape() == x.shape() && v.dtype() == x.dtype();
  throw Error(elsewhere ? ErrorCode::device : ErrorCode::shape, op,
              fmt::format("argument {} is {}, its (co)tangent is {}", i, x.spec(), v.spec()),
              elsewhere ? "move it with to(device)" : "")
      .at(where);
}

void check_count(std::string_view op, std::size_t have, std::size_t want, Site where) {
  if (have != want)
    throw Error(ErrorCode::shape, op, fmt::format("{} (co)tangents for {} values", have, want))
        .at(where);
}

Var zeros_of(const Spec& s) {
  return Tensor::zeros(s.shape, s.dtype, s.device);
}

struct Recording {
  Vars out;
  std::shared_ptr<Tape> tape;
  SmallVector<Parent, 2> outputs;
};

// Runs f on leaves and tells for each output which node made it.
Recording record(const Function& f, const Vars& x, bool keep_all, Site where) {
  Reverse reverse(where, keep_all);
  TransformScope scope(reverse);
  Vars in;
  for (const Var& v : x) in.push_back(reverse.leaf(v));
  Vars out = f(in);
  Recording r{{}, reverse.tape(), {}};
  for (const Var& v : out) {
    const Box* b = reverse.mine(v);
    r.outputs.push_back(b ? Parent{b->node, b->output} : Parent{});
    r.out.push_back(b ? b->value : v);
  }
  return r;
}

Specs specs_of(const Vars& vars) {
  Specs s;
  for (const Var& v : vars) s.push_back(v.spec());
  return s;
}

Vars pick(const Vars& x, const Arguments& arguments) {
  if (arguments.empty()) return x;
  Vars out;
  for (int i : arguments) out.push_back(x[static_cast<std::size_t>(i)]);
  return out;
}

Arguments checked_arguments(const Vars& x, const Arguments& arguments, Site where) {
  Arguments all = arguments;
  if (all.empty())
    for (std::size_t i = 0; i < x.size(); ++i) all.push_back(static_cast<int>(i));
  for (int i : all) {
    if (i < 0 || static_cast<std::size_t>(i) >= x.size())
      throw Error(ErrorCode::axis, "grad", fmt::format("argument {} of {}", i, x.size())).at(where);
    const Spec& spec = x[static_cast<std::size_t>(i)].spec();
    if (!is_differentiable(spec.dtype))
      throw Error(ErrorCode::dtype, "grad",
                  fmt::format("argument {} is {}: no derivative for this type", i, spec),
                  "name the differentiable arguments, grad(f, {0, ...})")
          .at(where);
  }
  return all;
}

}  // namespace

JvpResult jvp(const Function& f, const Vars& x, const Vars& v, Site where) {
  check_count("jvp", v.size(), x.size(), where);
  Jvp it(where);
  TransformScope scope(it);
  Vars in;
  for (std::size_t i = 0; i < x.size(); ++i) {
    check_pair("jvp", x[i], v[i], i, where);
    in.push_back(it.box(x[i], v[i]));
  }
  JvpResult result;
  for (const Var& y : f(in)) {
    const Box* b = it.mine(y);
    result.out.push_back(b ? b->value : y);
    result.tangents.push_back(b ? b->tangent : zeros_like(y));
  }
  return result;
}

Vars Pullback::run(const Vars& cotangents, bool release) const {
  check_count("vjp", cotangents.size(), out_.size(), Site::current());
  for (std::size_t i = 0; i < out_.size(); ++i)
    check_pair("vjp", Var::ghost(out_[i]), cotangents[i], i, Site::current());
  Vars grads = tape_->sweep(outputs_, cotangents, in_.size(), release);
  for (std::size_t i = 0; i < grads.size(); ++i)
    if (!grads[i] && is_differentiable(in_[i].dtype)) grads[i] = zeros_of(in_[i]);
  return grads;
}

VjpResult vjp(const Function& f, const Vars& x, Site where) {
  Recording r = record(f, x, false, where);
  Specs out = specs_of(r.out);
  return {std::move(r.out),
          Pullback(std::move(r.tape), std::move(r.outputs), std::move(out), specs_of(x))};
}

ValueAndGrad value_and_grad(const Function& f, const Vars& x, const Arguments& arguments,
                            Site where) {
  const Arguments wanted = checked_arguments(x, arguments, where);
  auto of_wanted = [&](const Vars& some) {
    Vars all = x;
    for (std::size_t k = 0; k < wanted.size(); ++k)
      all[static_cast<std::size_t>(wanted[k])] = some[k];
    return f(all);
  };
  VjpResult r = vjp(of_wanted, pick(x, wanted), where);
  if (r.out.empty())
    throw Error(ErrorCode::shape, "grad", "the function returned nothing", "return its value first")
        .at(where);
  const Var value = r.out[0];
  if (value.rank() != 0)
    throw Error(ErrorCode::shape, "grad",
                fmt::format("the function's value is {}, not a scalar", value.spec()),
                "reduce it with sum or mean, or use vjp")
        .at(where);
  Vars seeds;
  seeds.resize(r.out.size());
  seeds[0] = Tensor::ones({}, value.dtype(), value.device());
  Vars grads = r.pullback.consume(seeds);
  Vars aux;
  for (std::size_t i = 1; i < r.out.size(); ++i) aux.push_back(r.out[i]);
  return {value, std::move(grads), std::move(aux)};
}

Function grad(Function f, Arguments arguments, Site where) {
  return [f = std::move(f), arguments = std::move(arguments), where](const Vars& x) -> Vars {
    return value_and_grad(f, x, arguments, where).grads;
  };
}

Vars jacobian(const Function& f, const Vars& x, JacobianMode mode, std::int64_t chunk, Site where) {
  // Rows of the identity, shaped like `like`, pushed through a linear map under vmap.
  auto basis = [](const Var& like) {
    Dims shape = like.shape();
    shape.insert(0, like.numel());
    return Var(Tensor::eye(like.numel(), like.dtype(), like.device()).reshape(shape));
  };
  auto joined = [](const Dims& a, const Dims& b) {
    Dims d = a;
    for (std::int64_t n : b) d.push_back(n);
    return d;
  };
  Vars out;
  if (mode == JacobianMode::reverse) {
    VjpResult r = vjp([&](const Vars& v) { return make_vars(f(v)[0]); }, x, where);
    Vars rows = vmap([&](const Vars& u) { return r.pullback(u); }, {.chunk = chunk},
                     where)(make_vars(basis(r.out[0])));
    for (std::size_t i = 0; i < x.size(); ++i)
      out.push_back(reshape(rows[i], joined(r.out[0].shape(), x[i].shape())));
    return out;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    auto column = [&](const Var& v) {
      Vars tangents;
      tangents.resize(x.size());
      tangents[i] = v;
      return jvp(f, x, tangents, where).tangents[0];
    };
    Var columns = vmap(column, {.out_axes = {-1}, .chunk = chunk}, where)(basis(x[i]));
    Dims y = columns.shape();
    y.erase(y.rank() - 1);
    out.push_back(reshape(columns, joined(y, x[i].shape())));
  }
  return out;
}

Var hessian(const Function& f, const Var& x, std::int64_t chunk, Site where) {
  return jacobian(grad(f, {}, where), make_vars(x), JacobianMode::forward, chunk, where)[0];
}

Vars hvp(const Function& f, const Vars& x, const Vars& v, HvpMode mode, Site where) {
  check_count("hvp", v.size(), x.size(), where);
  switch (mode) {
    case HvpMode::forward_over_reverse:
      return jvp(grad(f, {}, where), x, v, where).tangents;
    case HvpMode::reverse_over_forward:
      return grad([&](const Vars& y) { return jvp(f, y, v, where).tangents[0]; }, {}, where)(x);
    default:
      break;
  }
  auto directional = [&](const Vars& y) {
    Vars g = grad(f, {}, where)(y);
    Var total;
    for (std::size_t i = 0; i < g.size(); ++i)
      if (v[i]) {
        Var term = sum(mul(g[i], v[i]));
        total = total ? add(std::move(total), std::move(term)) : std::move(term);
      }
    return total;
  };
  return grad(directional, {}, where)(x);
}

// --- linearize

Linearization::Linearization(Vars out, std::shared_ptr<Tape> tape, SmallVector<Parent, 2> outputs,
                             Specs in)
    : out_(std::move(out)),
      tape_(tape),
      outputs_(outputs),
      in_(in),
      pullback_(std::move(tape), std::move(outputs), specs_of(out_), std::move(in)) {}

Linearization linearize(const Function& f, const Vars& x, Site where) {
  ClosureBarrier barrier("linearize", max_level(x));
  Recording r = record(f, x, true, where);
  return Linearization(std::move(r.out), std::move(r.tape), std::move(r.outputs), specs_of(x));
}

Vars Linearization::apply(const Vars& v) const {
  check_count("linearize", v.size(), in_.size(), Site::current());
  for (std::size_t i = 0; i < in_.size(); ++i)
    check_pair("linearize", Var::ghost(in_[i]), v[i], i, Site::current());
  Vars tangents = tape_->replay(outputs_, v);
  for (std::size_t i = 0; i < tangents.size(); ++i)
    if (!tangents[i]) tangents[i] = zeros_like(out_[i]);
  return tangents;
}

Vars Linearization::apply_batch(const Vars& v) const {
  return vmap([this](const Vars& one) { return apply(one); })(v);
}

Vars Linearization::transpose_batch(const Vars& u) const {
  return vmap([this](const Vars& one) { return transpose(one); })(u);
}

}  // namespace sonde
