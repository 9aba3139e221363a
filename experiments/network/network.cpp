#include "experiments/network/network.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/ops.hpp"
#include "experiments/network/own_data.hpp"
#include "experiments/vision/models.hpp"
#include "nn/state_dict.hpp"
#include "tensor/io_safetensors.hpp"

namespace sonde::experiments {
namespace {

nn::ImageSpec spec_with(const ImageSet& set, std::int64_t classes) {
  nn::ImageSpec spec = spec_of(set);
  spec.classes = classes;
  return spec;
}

NamedTensors file_weights(const NetworkOptions& o) {
  if (o.weights.empty()) return {};
  return weights_of(o.model, load_safetensors(o.weights).tensors);
}

std::int64_t classes_for(const NetworkOptions& o, const WeightShapes& weights,
                         const OwnData& data) {
  const std::int64_t known = classes_of(o.model, weights).value_or(data.train.classes);
  if (known < data.train.classes)
    fail_hint(ErrorCode::usage, "--data", "give the data that these weights were trained on",
              "labels go up to {}, the network of {} tells {} classes apart",
              data.train.classes - 1, o.weights, known);
  return known;
}

// What a constructor says of sizes is about options here.
std::unique_ptr<nn::Module> made(const NetworkOptions& o, const nn::ImageSpec& spec,
                                 const WeightShapes& weights, std::uint64_t seed) {
  try {
    return make_network(o.model, spec, o.size, weights, {seed, 0});
  } catch (const Error& e) {
    if (e.code() != ErrorCode::value && e.code() != ErrorCode::shape) throw;
    fail_hint(ErrorCode::usage, "--model", "give another network, other sizes, or other data",
              "no '{}' for inputs of {} x {} x {}: {}", o.model, spec.channels, spec.height,
              spec.width, e.message());
  }
}

void load(nn::Module& module, const NamedTensors& values, const NetworkOptions& o) {
  const DType dtype = module.parameters()[0].dtype();
  NamedTensors state;
  for (const auto& [name, value] : values)
    state.emplace(name, is_float(value.dtype()) ? value.to(dtype) : value);
  const nn::LoadReport report = nn::load_state_dict(module, state, false);
  if (!report.empty())
    fail_hint(ErrorCode::names, "--weights",
              "give the --model, its sizes and the --data that the weights were trained with",
              "{} does not fit the network '{}': {}", o.weights, o.model, report.text());
}

// A network that says NaN says nothing: predictions would all be of the first class.
void check_finite(const NamedTensors& values, const std::string& file) {
  for (const auto& [name, value] : values)
    if (is_float(value.dtype()) && !all(isfinite(Var(value))).item())
      fail_hint(ErrorCode::format, "--weights", "give those of a training that did not diverge",
                "{}: {} holds a NaN or an infinity", file, name);
}

void check_outputs(const nn::Module& module, const ImageSet& set) {
  if (!all(isfinite(module(Var(set.images.slice(0, 0, 1))))).item())
    fail_hint(ErrorCode::numeric, "network", "look at the scale of data and weights",
              "its outputs for the first sample hold a NaN or an infinity");
}

std::string described(const NetworkOptions& o, const nn::Module& module) {
  return fmt::format(
      "{}, {} parameters, {}", o.model, module.parameter_count(),
      o.weights.empty() ? "not trained: its initial values" : "with the weights of " + o.weights);
}

}  // namespace

void declare_network(Cli& cli, NetworkOptions& o, Scaled<std::int64_t> samples,
                     const std::string& samples_help) {
  cli.any_device();
  const auto always = [](std::int64_t n) { return Scaled<std::int64_t>{n, n, n}; };
  cli.choice("model", o.model, network_names(),
             "the network, whose sizes are taken from the weights:\n" + network_list());
  cli.text("weights", o.weights,
           "safetensors file of its values, such as sensitivity_vision --export writes; without "
           "one the initial values of --seed are measured");
  constexpr Limits<std::int64_t> sizes{0, 1 << 20};
  cli.integer("width", o.size.width, always(o.size.width), sizes,
              "features, channels or hidden units; 0: of the weights, or the network's own");
  cli.integer("depth", o.size.depth, always(o.size.depth), sizes,
              "blocks or hidden layers; 0: as for --width");
  cli.integer("heads", o.size.heads, always(o.size.heads), sizes,
              "heads of attention, which weights do not tell; 0: the network's own number");
  cli.choice("activation", o.size.activation, activation_names(), "of an mlp");
  cli.text("data", o.data,
           fmt::format("{}, or a folder of IDX files, of CIFAR-10 batches, with data.csv, or with "
                       "x.npy and y.npy",
                       fmt::join(image_set_names(), ", ")));
  cli.text("label", o.label, "the column of data.csv to predict; the last one if not given");
  cli.reals("mean", o.mean, {{}, {}, {}}, {-1e6, 1e6},
            "of the pixels' channels, pixels in [0, 1], as the network was trained; unless given "
            "it sees pixels in [-1, 1]");
  cli.reals("deviation", o.deviation, {{}, {}, {}}, {1e-6, 1e6},
            "standard deviation beside --mean");
  cli.integer("samples", o.samples, samples, {1, 10'000'000}, samples_help);
  cli.choice("precision", o.precision, {"f32", "f64"}, "type of all numbers");
}

void declare_limits(Cli& cli, double& max_memory, bool& dry_run) {
  cli.real("max-memory", max_memory, {4, 4, 4}, {0.001, 1e6},
           "GiB that it may take beside the data; what needs more is refused beforehand");
  cli.flag("dry-run", dry_run, "say what it would cost, and compute and write nothing");
}

void require_one_network(const Settings& settings) {
  if (settings.seeds != 1)
    fail_hint(ErrorCode::usage, "--seeds", "run it again with another --seed and --out",
              "one network is measured at a time");
}

DType precision_of(const NetworkOptions& o) {
  return o.precision == "f64" ? DType::f64 : DType::f32;
}

Network load_network(const NetworkOptions& o, const Settings& settings, std::int64_t train,
                     std::int64_t test) {
  OwnData data = load_own_data(o, settings, train, test);
  const NamedTensors values = file_weights(o);
  const WeightShapes shapes(values);
  Network n;
  n.module = made(o, spec_with(data.train, classes_for(o, shapes, data)), shapes, settings.seed);
  check_finite(values, o.weights);
  if (!values.empty()) load(*n.module, values, o);
  n.module->convert(precision_of(o));
  for (ImageSet* set : {&data.train, &data.test}) {
    if (!o.mean.empty() || !o.deviation.empty()) {
      if (!data.images)
        fail_hint(ErrorCode::usage, "--mean", "bring the columns to their scale in the file",
                  "{} holds a table, and no pixels", o.data);
      set->images = normalised(set->images, o.mean, o.deviation);
    }
    set->images = set->images.to(precision_of(o));
  }
  n.train = std::move(data.train);
  n.test = std::move(data.test);
  check_outputs(*n.module, n.train);
  n.images = data.images;
  n.data = std::move(data.description);
  n.network = described(o, *n.module);
  n.outputs = (*n.module)(n.train.images.slice(0, 0, 1)).size(1);
  n.module->to(settings.device);
  return n;
}

}  // namespace sonde::experiments
