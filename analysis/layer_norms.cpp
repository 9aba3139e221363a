#include "analysis/layer_norms.hpp"

#include <algorithm>
#include <array>

#include "autograd/ops.hpp"
#include "nn/conv.hpp"
#include "nn/embedding.hpp"
#include "nn/linear.hpp"
#include "nn/norm.hpp"

namespace sonde::detail {
namespace {

// --- which layers

template <class... Types>
bool is_one_of(const nn::Module& module) {
  return (dynamic_cast<const Types*>(&module) || ...);
}

std::string joined(std::string path, std::string_view name) {
  if (!path.empty()) path += '.';
  path += name;
  return path;
}

// What computes its one output from its one input: no recurrent layer, whose state goes elsewhere.
bool is_plain(const nn::Module& module) {
  return is_one_of<nn::Linear, nn::Conv1d, nn::Conv2d, nn::Embedding, nn::LayerNorm, nn::RmsNorm,
                   nn::GroupNorm>(module);
}

void collect(const nn::Module& module, const std::string& path, std::vector<Layer>& out) {
  if (is_plain(module)) out.push_back({.path = path, .module = &module, .own = {}, .chosen = {}});
  for (const auto& [name, child] : module.children()) collect(*child, joined(path, name), out);
}

// Is the parameter that of one module only?
bool untied(const std::vector<nn::NamedEntry>& entries, const nn::Handle& handle) {
  return std::ranges::count(entries, handle, &nn::NamedEntry::handle) == 1;
}

// Positions of the layer's parameters here and in the point; false if one is shared.
bool find_parameters(Layer& layer, const nn::Module& root, const Space& space) {
  const auto entries = root.named_entries();
  const auto own = layer.module->named_parameters();
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (!untied(entries, own[i].handle)) return false;
    const auto block =
        std::ranges::find(space.blocks(), joined(layer.path, own[i].path), &Block::name);
    if (block == space.blocks().end()) continue;
    layer.own.push_back(static_cast<int>(i));
    layer.chosen.push_back(static_cast<int>(block - space.blocks().begin()));
  }
  return !layer.own.empty();
}

// The sizes of the first axes of what passes each tap in one call.
using Seen = std::map<std::string, std::vector<std::int64_t>>;

Seen probe(const PerSample& p, const Vars& batch) {
  Seen seen;
  const nn::Tap tap = [&](const std::string& path, Var value) {
    seen[path].push_back(value.rank() == 0 ? 0 : value.size(0));
    return value;
  };
  nn::CallOptions call = p.options.call;
  call.tap = &tap;
  losses_of(p, p.at.values, batch, call);
  return seen;
}

std::string at_path(const Layer& layer, std::string_view name) {
  return joined(layer.path, name);
}

// Does the layer see `n` samples along the first axis, in one call?
bool by_sample(const Seen& seen, const Layer& layer, std::int64_t n) {
  return std::ranges::all_of(std::array{"in", "out"}, [&](const char* name) {
    const auto found = seen.find(at_path(layer, name));
    return found != seen.end() && found->second == std::vector<std::int64_t>{n};
  });
}

// --- inputs and cotangents

struct Pass {
  Vars in, cotangents;  // of each layer, samples along the first axis
};

// One backward pass with respect to what is added to each layer's output: zeros.
Pass backward_pass(const PerSample& p, const std::vector<Layer>& layers, const Vars& batch) {
  Pass pass;
  pass.in.resize(layers.size());
  auto index = [&](const std::string& path, std::string_view name) {
    return static_cast<std::size_t>(
        std::ranges::find_if(layers, [&](const Layer& l) { return path == at_path(l, name); }) -
        layers.begin());
  };
  Vars zeros;
  zeros.resize(layers.size());
  const nn::Tap shapes = [&](const std::string& path, const Var& value) {
    if (const std::size_t i = index(path, "out"); i < layers.size())
      zeros[i] = Tensor::zeros(value.shape(), value.dtype());
    return value;
  };
  nn::CallOptions call = p.options.call;
  call.tap = &shapes;
  losses_of(p, p.at.values, batch, call);

  const Function total = [&](const Vars& added) {
    const nn::Tap tap = [&](const std::string& path, const Var& value) {
      if (const std::size_t i = index(path, "in"); i < layers.size()) pass.in[i] = value.primal();
      const std::size_t i = index(path, "out");
      return i < layers.size() ? add(value, added[i]) : value;
    };
    nn::CallOptions tapped = p.options.call;
    tapped.tap = &tap;
    return sum(losses_of(p, p.at.values, batch, tapped));
  };
  pass.cotangents = grad(total)(zeros);
  return pass;
}

// --- squared norms

Var squares(const Var& v) {
  return sum(reshape(mul(v, v), {v.size(0), -1}), {1});
}

// [n, ..., size] as [n, positions, size].
Var by_position(const Var& v) {
  return reshape(v, {v.size(0), -1, v.size(-1)});
}

// Two Gram matrices [positions, positions] against one gradient [out, in], in multiplications.
bool gram_is_less(const Var& a, const Var& d) {
  const std::int64_t positions = a.size(1), in = a.size(2), out = d.size(2);
  return positions * (in + out) < in * out;
}

// Of a linear layer: <sum_t d_t a_t', sum_s d_s a_s'> = sum_ts <a_t, a_s> <d_t, d_s>.
Var linear_squares(const Layer& layer, const Var& in, const Var& cotangent) {
  const Var a = by_position(in), d = by_position(cotangent);
  const auto names = layer.module->named_parameters();
  Var total;
  for (const int i : layer.own) {
    Var square;
    if (names[static_cast<std::size_t>(i)].path == "bias")
      square = squares(sum(d, {1}));
    else if (gram_is_less(a, d))
      square = sum(mul(matmul(a, a, {.b = true}), matmul(d, d, {.b = true})), {1, 2});
    else
      square = squares(matmul(d, a, {.a = true}));
    total = total ? add(total, square) : square;
  }
  return total;
}

// Of any layer: the gradients of <cotangent, layer(in)> for each sample.
Var other_squares(const PerSample& p, const Layer& layer, const Var& in, const Var& cotangent) {
  nn::Context ctx = p.at.context(p.at.values);
  Vars arguments;
  Axes axes;
  for (const nn::NamedEntry& e : layer.module->named_parameters()) {
    arguments.push_back(ctx[e.handle]);
    axes.push_back(std::nullopt);
  }
  const std::size_t parameters = arguments.size();
  for (const Var& v : {in, cotangent}) {
    arguments.push_back(v);
    axes.push_back(0);
  }
  nn::CallOptions call = p.options.call;
  call.tap = nullptr;
  const Function along = [&](const Vars& all) {
    Vars values;
    for (std::size_t i = 0; i < parameters; ++i) values.push_back(all[i]);
    const Var out = nn::functional_call(*layer.module, values, unsqueeze(all[parameters], 0), call);
    return sum(mul(squeeze(out, 0), all[parameters + 1]));
  };
  Var total;
  for (const Var& g : vmap(grad(along, layer.own), {.in_axes = axes})(arguments)) {
    const Var square = squares(g);
    total = total ? add(total, square) : square;
  }
  return total;
}

Var squares_of(const PerSample& p, const Layer& layer, const Var& in, const Var& cotangent) {
  return is_one_of<nn::Linear>(*layer.module) ? linear_squares(layer, in, cotangent)
                                              : other_squares(p, layer, in, cotangent);
}

}  // namespace

Layers layers_of(const PerSample& p) {
  std::vector<Layer> candidates;
  collect(p.at.module(), "", candidates);
  // Two numbers of samples tell a first axis of samples from one of as many time steps.
  const std::int64_t n = std::min<std::int64_t>(batch_size(p.batch), 2);
  const Seen one = probe(p, samples(p.batch, 0, 1)), two = probe(p, samples(p.batch, 0, n));
  Layers layers;
  std::vector<bool> found(p.at.values.size(), false);
  for (Layer& layer : candidates) {
    if (!find_parameters(layer, p.at.module(), p.at.space)) continue;
    if (!by_sample(one, layer, 1) || !by_sample(two, layer, n)) continue;
    for (const int i : layer.chosen) found[static_cast<std::size_t>(i)] = true;
    layers.used.push_back(std::move(layer));
  }
  for (std::size_t i = 0; i < found.size(); ++i)
    if (!found[i]) layers.rest.push_back(static_cast<int>(i));
  return layers;
}

Tensor layer_squares(const PerSample& p, const Layers& layers) {
  constexpr std::int64_t most = 64;
  const std::int64_t n = batch_size(p.batch), chunk = p.options.chunk > 0 ? p.options.chunk : most;
  Tensor out = Tensor::empty({n}, p.at.space.dtype());
  for (std::int64_t begin = 0; begin < n; begin += chunk) {
    const std::int64_t end = std::min(n, begin + chunk);
    const Pass pass = backward_pass(p, layers.used, samples(p.batch, begin, end));
    Var total;
    for (std::size_t i = 0; i < layers.used.size(); ++i) {
      const Var square = squares_of(p, layers.used[i], pass.in[i], pass.cotangents[i]);
      total = total ? add(total, square) : square;
    }
    out.slice(0, begin, end).copy_from(total.tensor());
  }
  return out;
}

}  // namespace sonde::detail
