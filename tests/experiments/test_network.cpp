// A person's own network: sizes from weights, names of other files, data of every kind.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "autograd/ops.hpp"
#include "experiments/network/families.hpp"
#include "experiments/network/modules.hpp"
#include "experiments/network/network.hpp"
#include "experiments/network/own_data.hpp"
#include "nn/names.hpp"
#include "nn/state_dict.hpp"
#include "program_run.hpp"
#include "tensor/io_npy.hpp"
#include "tensor/io_safetensors.hpp"

namespace sonde::experiments {
namespace {

const nn::ImageSpec grey{1, 8, 8, 4};

NetworkSize unusual_size(const NetworkFamily& family) {
  const std::string_view name = family.name;
  if (name == "densenet") return {};
  if (name == "cnn") return {.width = 6};
  return {.width = 24, .depth = 3};
}

Tensor some_images(const nn::ImageSpec& spec) {
  return normal(random_key(3), {2, spec.channels, spec.height, spec.width}).tensor();
}

// The weights alone say how large the network is: made again from them, it computes the same.
TEST(NetworkOf, WeightsTellTheSizes) {
  for (const NetworkFamily& family : network_families()) {
    if (family.name == "densenet") continue;  // of one size
    SCOPED_TRACE(family.name);
    const std::string name(family.name);
    NetworkSize size = unusual_size(family);
    for (const nn::ImageSpec& spec : {grey, nn::ImageSpec{3, 16, 16, 7}}) {
      const auto first = make_network(name, spec, size, {}, {1, 0});
      const NamedTensors state = nn::state_dict(*first);
      const WeightShapes shapes(weights_of(name, state));
      EXPECT_EQ(classes_of(name, shapes), spec.classes);
      const auto second = make_network(name, spec, {}, shapes, {2, 0});
      nn::load_state_dict(*second, state);
      const Var x = some_images(spec);
      EXPECT_EQ(amax(abs((*first)(x) - (*second)(x))).item(), 0);
    }
  }
}

TEST(NetworkOf, OneThatIsMadeWithoutWeightsHasTheSizesAskedFor) {
  const auto mlp = make_network("mlp", grey, {.width = 5, .depth = 3}, {}, {1, 0});
  EXPECT_EQ(WeightShapes(nn::state_dict(*mlp)).count("layers.", ".weight"), 4);
  EXPECT_EQ(WeightShapes(nn::state_dict(*mlp)).size("layers.1.weight", 1), 5);
}

ErrorCode code_of(const std::function<void()>& f, std::string* text = nullptr) {
  try {
    f();
  } catch (const Error& e) {
    if (text) *text = e.what();
    return e.code();
  }
  ADD_FAILURE() << "no error";
  return ErrorCode::anomaly;
}

TEST(NetworkOf, ContradictionsAreUsage) {
  const WeightShapes shapes(nn::state_dict(*make_network("mlp", grey, {}, {}, {1, 0})));
  std::string text;
  EXPECT_EQ(code_of(
                [&] {
                  make_network("mlp", grey, {.width = 65}, shapes, {1, 0});
                },
                &text),
            ErrorCode::usage);
  EXPECT_NE(text.find("--width: 65 is asked for, the weights have 64"), std::string::npos) << text;
  EXPECT_EQ(code_of([&] {
              make_network("cnn", grey, {.depth = 2}, {}, {1, 0});
            }),
            ErrorCode::usage);
  EXPECT_EQ(code_of([&] {
              make_network("vit", grey, {.heads = 5}, {}, {1, 0});
            }),
            ErrorCode::usage);
}

TEST(NetworkOf, PrefixesAndOtherNamesAreTakenAway) {
  const auto vit = make_network("vit-post", grey, {}, {}, {1, 0});
  NamedTensors file{{"images", Tensor::zeros({2})}};
  for (const auto& [name, value] : nn::state_dict(*vit)) file["model." + name] = value;
  EXPECT_EQ(weights_of("vit-post", file).size(), file.size() - 1);
  NamedTensors theirs;
  for (const auto& [ours, value] : nn::state_dict(*vit)) {
    std::string name = ours;
    if (name.starts_with("encoder.layers")) name.replace(0, 8, "transformer.");
    if (name.starts_with("encoder.norm.")) name.replace(0, 13, "mlp_head.0.");
    if (name.starts_with("head.")) name.replace(0, 5, "mlp_head.1.");
    theirs.emplace(name, value);
  }
  nn::load_state_dict(*vit, weights_of("vit-post", theirs));  // strict: every name is met
  std::string text;
  EXPECT_EQ(code_of([&] { weights_of("cnn", file); }, &text), ErrorCode::names);
  EXPECT_NE(text.find("conv_layer1.weight"), std::string::npos) << text;
}

TEST(Groups, EveryParameterIsInOne) {
  for (const std::string& name : network_names()) {
    const auto network = make_network(name, {1, 16, 16, 4}, {}, {}, {1, 0});
    const std::vector<ParameterGroup> groups = parameter_groups(*network);
    EXPECT_GE(groups.size(), 2u) << name;
    for (const nn::NamedEntry& e : network->named_parameters())
      EXPECT_EQ(std::ranges::count_if(
                    groups, [&](const auto& g) { return nn::matches(g.pattern, e.path); }),
                1)
          << name << " " << e.path;
  }
  std::set<std::string> names;
  for (const ParameterGroup& g :
       parameter_groups(*make_network("vit", grey, {.depth = 2}, {}, {1, 0})))
    names.insert(g.name);
  EXPECT_EQ(names, (std::set<std::string>{"patch_embed", "pos_embed", "encoder.layers.0",
                                          "encoder.layers.1", "encoder.norm", "head"}));
}

NetworkOptions options_for(const std::filesystem::path& data, const std::string& model = "mlp") {
  NetworkOptions o;
  o.model = model;
  o.data = data.string();
  o.samples = 20;
  return o;
}

Settings seeded(std::uint64_t seed) {
  Settings s;
  s.seed = seed;
  return s;
}

TEST(OwnData, TablesArraysAndBadOnes) {
  TempFolder folder;
  write_small_table(folder.path());
  const NetworkOptions o = options_for(folder.path());
  const Network n = load_network(o, {}, 20, 10);
  EXPECT_EQ(n.train.images.shape(), (Dims{20, 1, 1, 5}));
  EXPECT_EQ(n.test.size(), 10);
  EXPECT_FALSE(n.images);
  EXPECT_EQ(n.train.classes, 3);
  std::string text;
  EXPECT_EQ(code_of([&] { load_network(o, {}, 49, 1); }, &text), ErrorCode::usage);
  EXPECT_NE(text.find("--samples: 49 asked for"), std::string::npos) << text;
  EXPECT_EQ(code_of([&] { load_network(options_for(folder.path(), "cnn"), {}, 20, 1); }, &text),
            ErrorCode::usage);
  EXPECT_NE(text.find("no 'cnn' for inputs of 1 x 1 x 5"), std::string::npos) << text;
  NetworkOptions scaled = o;
  scaled.mean = scaled.deviation = {0.5};
  EXPECT_EQ(code_of([&] { load_network(scaled, {}, 20, 1); }), ErrorCode::usage);
  EXPECT_EQ(code_of([&] { load_network(options_for(folder.path() / "none"), {}, 20, 1); }),
            ErrorCode::data);

  TempFolder arrays;
  save_npy(arrays / "x.npy", normal(random_key(1), {30, 8, 8}).tensor());
  save_npy(arrays / "y.npy", Tensor::arange(30));
  const Network v = load_network(options_for(arrays.path(), "vit"), {}, 20, 1);
  EXPECT_EQ(v.train.images.shape(), (Dims{20, 1, 8, 8}));
  EXPECT_TRUE(v.images);
}

TEST(OwnData, PixelsAreNormalisedAsAsked) {
  const Tensor images = Tensor::from<float>({-1, 1, 0, 0.5}, {1, 2, 1, 2});
  const Tensor out = normalised(images, {0.5, 0.25}, {0.5, 2});
  EXPECT_EQ(out.to_vector<float>(), (std::vector<float>{-1, 1, 0.125, 0.25}));
  EXPECT_EQ(code_of([&] { normalised(images, {1, 2, 3}, {1}); }), ErrorCode::usage);
}

TEST(OwnWeights, WhatDoesNotFitIsNamedWithBothShapes) {
  TempFolder folder;
  write_small_table(folder.path());
  const NetworkOptions plain = options_for(folder.path());
  const Network n = load_network(plain, seeded(4), 20, 1);
  NetworkOptions o = plain;
  o.weights = folder / "w.safetensors";
  save_safetensors(o.weights, nn::state_dict(*n.module));
  const Network again = load_network(o, seeded(5), 20, 1);
  EXPECT_EQ(amax(abs((*n.module)(n.train.images) - (*again.module)(n.train.images))).item(), 0);
  EXPECT_NE(again.network.find("w.safetensors"), std::string::npos);

  NamedTensors state = nn::state_dict(*n.module);
  state["layers.0.weight"] = Tensor::zeros({64, 6});
  save_safetensors(o.weights, state);
  std::string text;
  EXPECT_EQ(code_of([&] { load_network(o, {}, 20, 1); }, &text), ErrorCode::names);
  for (const char* part : {"layers.0.weight is f32[64,6], not f32[64,5]", "w.safetensors", "hint"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
  state.erase("layers.1.bias");
  save_safetensors(o.weights, state);
  code_of([&] { load_network(o, {}, 20, 1); }, &text);
  EXPECT_NE(text.find("missing: layers.1.bias"), std::string::npos) << text;
  EXPECT_EQ(code_of([&] {
              NetworkOptions other = o;
              other.model = "lstm";
              load_network(other, {}, 20, 1);
            }),
            ErrorCode::names);
  state = nn::state_dict(*n.module);
  state["layers.1.bias"].mutable_data<float>()[2] = std::nanf("");
  save_safetensors(o.weights, state);
  EXPECT_EQ(code_of([&] { load_network(o, {}, 20, 1); }, &text), ErrorCode::format);
  EXPECT_NE(text.find("layers.1.bias holds a NaN"), std::string::npos) << text;
  state["layers.1.bias"] = Tensor::full({32}, 3e38);  // finite, and too large
  state["layers.2.weight"] = Tensor::full(state["layers.2.weight"].shape(), 3e38);
  save_safetensors(o.weights, state);
  EXPECT_EQ(code_of([&] { load_network(o, {}, 20, 1); }), ErrorCode::numeric);
  write_bytes(o.weights, "no tensors");
  EXPECT_EQ(code_of([&] { load_network(o, {}, 20, 1); }), ErrorCode::format);
  o.weights = folder / "none";
  EXPECT_EQ(code_of([&] { load_network(o, {}, 20, 1); }), ErrorCode::file);
}

}  // namespace
}  // namespace sonde::experiments
