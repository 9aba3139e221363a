#include "bench/rows/workload.hpp"

#include "tests/parity/values.hpp"

namespace sonde::bench {

Dims to_dims(const Json& numbers) {
  Dims dims;
  for (const Json& n : numbers) dims.push_back(n.get<std::int64_t>());
  return dims;
}

Tensor cotangent(const Tensor& output) {
  Tensor ct = Tensor::empty_like(output, output.dtype());
  ct.copy_from(testing::uniform_values("cotangent", output.shape()).to(output.dtype()));
  return ct;
}

namespace {

// Outputs of f, then its gradients with respect to the inputs of the positions `wrt`.
Vars with_gradients(const Function& f, const Vars& inputs, const std::vector<std::size_t>& wrt,
                    const Tensor& ct) {
  Vars points;
  for (const std::size_t i : wrt) points.push_back(inputs[i]);
  const Function of_points = [&](const Vars& x) {
    Vars all = inputs;
    for (std::size_t i = 0; i < wrt.size(); ++i) all[wrt[i]] = x[i];
    return f(all);
  };
  VjpResult r = vjp(of_points, points);
  Vars cotangents(r.out.size());
  cotangents[0] = ct;
  Vars result = make_vars(r.out[0]);
  for (Var& g : r.pullback.consume(cotangents)) result.push_back(std::move(g));
  return result;
}

}  // namespace

Maker differentiable(std::function<Function(const Json& params)> make) {
  return [make = std::move(make)](const Setup& setup) -> Work {
    const Function f = make(setup.params);
    if (!setup.params.contains("wrt")) return [f, in = setup.inputs] { return f(in); };
    const auto wrt = setup.params["wrt"].get<std::vector<std::size_t>>();
    const Tensor ct = cotangent(f(setup.inputs)[0].tensor());
    return [=, in = setup.inputs] { return with_gradients(f, in, wrt, ct); };
  };
}

}  // namespace sonde::bench
