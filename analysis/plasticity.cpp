#include "analysis/plasticity.hpp"

#include <cmath>

#include "analysis/sensitivity.hpp"
#include "autograd/ops.hpp"

namespace sonde {
namespace {

// |a_i - b_i|_F for each i.
std::vector<double> distances(const Tensor& a, const Tensor& b) {
  if (!(a.spec() == b.spec()) || a.rank() < 1)
    fail(ErrorCode::shape, "expansion", "{} and {} are no pairs", a.spec(), b.spec());
  const Var difference = to(a, DType::f64) - to(b, DType::f64);
  return norm(reshape(difference, {a.size(0), -1}), 2, {1}).tensor().to_vector<double>();
}

Sample ratios(const Tensor& x, const Tensor& y, const Tensor& fx, const Tensor& fy) {
  const std::vector<double> in = distances(x, y), out = distances(fx, fy);
  if (in.size() != out.size())
    fail(ErrorCode::shape, "expansion", "{} pairs go in, {} come out", in.size(), out.size());
  Sample found;
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (in[i] == 0) fail(ErrorCode::value, "expansion", "the two of pair {} are equal", i);
    found.push_back(out[i] / in[i]);
  }
  return found;
}

// Features that a linear map takes; 0 for another module.
std::int64_t features_in(const nn::Module& module) {
  for (const nn::NamedEntry& p : module.named_parameters())
    if (p.path == "weight" && p.handle->value.rank() == 2) return p.handle->value.size(1);
  return 0;
}

// x with zeros behind its features.
Tensor widened(const Tensor& x, std::int64_t features) {
  if (features <= x.size(-1)) return x;
  Dims before = Dims::filled(x.rank(), 0), after = before;
  after[x.rank() - 1] = features - x.size(-1);
  return pad(x, before, after).tensor();
}

}  // namespace

Component component(const nn::Module& network, std::string_view path) {
  const nn::Module& module = module_at(network, path);
  return [&module](const Tensor& x) { return module(Var(x)).tensor(); };
}

Sample expansion(const Component& f, const Tensor& x, const Tensor& y) {
  return ratios(x, y, f(x), f(y));
}

Sample expansion_of_embeddings(const nn::Module& network, std::string_view path, const Tensor& x,
                               const Tensor& y) {
  const std::int64_t features = features_in(module_at(network, path));
  return expansion(component(network, path), widened(x, features), widened(y, features));
}

Sample expansion_in_place(const TappedFunction& network, std::string_view path,
                          const Tensor& inputs_x, const Tensor& inputs_y) {
  const Passage x = passage(network, inputs_x, path), y = passage(network, inputs_y, path);
  return ratios(x.in, y.in, x.out, y.out);
}

Sample expansion_in_place(const TappedFunction& network, std::string_view path,
                          const Tensor& inputs, const Perturbation& perturbation, double sigma,
                          philox::Key key) {
  const Passage clean = passage(network, inputs, path);
  const std::int64_t n = clean.in.size(0), positions = perturbation.positions();
  Sample found(static_cast<std::size_t>(n * positions));
  for (std::int64_t t = 0; t < positions; ++t) {
    std::vector<Trial> trials;
    for (std::int64_t i = 0; i < n; ++i) trials.push_back({i, t, 0});
    const Passage noisy = passage(network, inputs, path, [&](const Tensor& value) {
      return disturbed(value, perturbation, sigma, key, trials);
    });
    const Sample at_position = ratios(clean.in, noisy.in, clean.out, noisy.out);
    for (std::int64_t i = 0; i < n; ++i)
      found[static_cast<std::size_t>(i * positions + t)] = at_position[static_cast<std::size_t>(i)];
  }
  return found;
}

}  // namespace sonde
