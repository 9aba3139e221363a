// Second derivatives, tangent kernels and eigenvalues: what analysis/ computes of whole models.
#include "analysis/function_maps.hpp"
#include "analysis/lanczos.hpp"
#include "analysis/ntk.hpp"
#include "autograd/interpreter.hpp"
#include "autograd/ops.hpp"
#include "bench/rows/models.hpp"
#include "bench/rows/workload.hpp"
#include "tests/parity/values.hpp"

namespace sonde::bench {

namespace {

// Does nothing but pose as forward mode, under which fused operations are decomposed.
class Plain final : public Interpreter {
 public:
  Plain() : Interpreter(TransformKind::jvp, Site::current()) {}
  Var box(Var value) const {
    if (!is_differentiable(value.dtype())) return value;
    const Spec spec = value.spec();
    return Var(new_box(spec, std::move(value)));
  }
  Var unbox(const Var& v) const {
    const Box* b = mine(v);
    return b ? b->value : v;
  }
  Vars process(const PrimitivePtr& p, const Vars& in, Site where) override {
    Vars values;
    for (const Var& v : in) values.push_back(unbox(v));
    Vars out = emit(p, std::move(values), where);
    if (p->differentiable())
      for (Var& v : out) v = box(std::move(v));
    return out;
  }
};

Function unfused(Function f) {
  return [f = std::move(f)](const Vars& x) {
    Plain plain;
    const TransformScope scope(plain);
    Vars in;
    for (const Var& v : x) in.push_back(plain.box(v));
    Vars out = f(in);
    for (Var& v : out) v = plain.unbox(v);
    return out;
  };
}

Work gradient(const Setup& setup) {
  const auto model = make_model(setup.params["model"]);
  Function of_loss = grad(loss_of_parameters(model, setup.inputs[0], setup.inputs[1]));
  if (setup.params.value("unfused", false)) of_loss = unfused(std::move(of_loss));
  return [=] { return by_name(*model, of_loss(model->parameters())); };
}

Work hessian_vector(const Setup& setup) {
  const auto model = make_model(setup.params["model"]);
  const Function loss = loss_of_parameters(model, setup.inputs[0], setup.inputs[1]);
  Vars direction;
  for (const auto& [path, handle] : model->named_parameters())
    direction.push_back(
        testing::uniform_values("direction." + path, handle->value.shape()).to(DType::f32));
  return [=] { return by_name(*model, hvp(loss, model->parameters(), direction)); };
}

// Many products at one point: "batched", or "single" ones; of a map that is retained or not. A
// retained map's record is made before, as whoever asks for more than 64 has it.
Work hessian_products(const Setup& setup) {
  const auto model = make_model(setup.params["model"]);
  const ParameterPoint at(*model);
  const Retain retain = setup.params["retained"].get<bool>() ? Retain::yes : Retain::no;
  const LinearMap map = hessian_map(loss_of_parameters(model, setup.inputs[0], setup.inputs[1]), at,
                                    {.retain = retain});
  const auto n = setup.params["vectors"].get<std::int64_t>();
  const Tensor vectors =
      testing::uniform_values("vectors", {n, map.domain().size()}).to(DType::f32);
  if (setup.params["batched"].get<bool>())
    return [=] { return make_vars(Var(map.apply_batch(vectors))); };
  return [=] {
    Vars products;
    for (std::int64_t i = 0; i < n; ++i) products.push_back(map.apply(vectors.select(0, i)));
    return products;
  };
}

// Of self-attention's mean squared output, with respect to its two matrices. Inputs: x [B, T, d],
// the projection to queries, keys and values [3 d, d], that of the output [d, d].
Work attention_hessian(const Setup& setup) {
  const auto heads = setup.params["heads"].get<std::int64_t>();
  const Var x = setup.inputs[0];
  const Function loss = [=](const Vars& w) {
    const std::int64_t batch = x.size(0), tokens = x.size(1), dim = x.size(2);
    const Var qkv = reshape(linear(x, w[0], {}), {batch, tokens, 3, heads, dim / heads});
    const auto part = [&](std::int64_t i) { return permute(select(qkv, 2, i), {0, 2, 1, 3}); };
    const Var mixed =
        permute(scaled_dot_product_attention(part(0), part(1), part(2)), {0, 2, 1, 3});
    return mean(square(linear(reshape(mixed, {batch, tokens, dim}), w[1], {})));
  };
  const Point at = Point::of(Vars{setup.inputs[1], setup.inputs[2]});
  return [=] { return make_vars(Var(dense(hessian_map(loss, at)))); };
}

// Traced over the outputs, between the first images and all.
Work tangent_kernel(const Setup& setup) {
  const auto model = make_model(setup.params["model"]);
  const ParameterPoint at(*model);
  const Tensor x = setup.inputs[0].tensor(),
               first = x.slice(0, 0, setup.params["first"].get<std::int64_t>());
  return [=, rows = rows_of(at), owner = model] {
    const NtkOptions traced{.trace = true};
    const bool all = first.size(0) == x.size(0);
    return make_vars(Var(all ? ntk(rows, at, x, traced) : ntk(rows, at, first, x, traced)));
  };
}

// The greatest eigenvalues of a loss's Hessian, greatest first. The map is made anew by each call,
// as a peer's is.
Work eigenvalues(const Setup& setup) {
  const auto model = make_model(setup.params["model"]);
  const ParameterPoint at(*model);
  const Function loss = loss_of_parameters(model, setup.inputs[0], setup.inputs[1]);
  const LanczosOptions options{.largest = setup.params["count"].get<std::int64_t>(),
                               .tolerance = setup.params["tolerance"].get<double>(),
                               .confirm = setup.params["confirm"].get<bool>()};
  return [=] {
    const std::vector<double> values = lanczos(hessian_map(loss, at), options).largest.values;
    return make_vars(Var(Tensor::from<double>(values, {std::ssize(values)})));
  };
}

}  // namespace

void add_curvature(Makers& makers) {
  makers["gradient"] = gradient;
  makers["hvp"] = hessian_vector;
  makers["hessian_products"] = hessian_products;
  makers["attention_hessian"] = attention_hessian;
  makers["ntk"] = tangent_kernel;
  makers["eigenvalues"] = eigenvalues;
}

}  // namespace sonde::bench
