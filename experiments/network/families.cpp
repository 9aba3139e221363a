#include "experiments/network/families.hpp"

#include <algorithm>
#include <cmath>

#include "autograd/ops.hpp"
#include "nn/mlp.hpp"
#include "nn/models/cnn.hpp"
#include "nn/models/convmixer.hpp"
#include "nn/models/densenet.hpp"
#include "nn/models/lstm_classifier.hpp"
#include "nn/models/resnet.hpp"
#include "nn/models/vit.hpp"

namespace sonde::experiments {
namespace {

using Module = std::unique_ptr<nn::Module>;
using Size = std::int64_t;

constexpr std::pair<std::string_view, Var (*)(const Var&)> activations[] = {
    {"leaky-relu", [](const Var& x) { return leaky_relu(x, 0.01); }},
    {"relu", [](const Var& x) { return relu(x); }},
    {"tanh", [](const Var& x) { return tanh(x); }},
    {"gelu", [](const Var& x) { return gelu(x); }},
};

// The size that was asked for, that of the file, or the network's own.
Size chosen(const char* option, Size asked, std::optional<Size> in_file, Size own) {
  if (asked > 0 && in_file && asked != *in_file)
    fail_hint(ErrorCode::usage, option, "leave the option out: sizes are taken from the weights",
              "{} is asked for, the weights have {}", asked, *in_file);
  return asked > 0 ? asked : in_file.value_or(own);
}

// `count`, if the file knows of any.
std::optional<Size> some(Size count) {
  return count > 0 ? std::optional(count) : std::nullopt;
}

void refuse(const NetworkPlan& p, const char* network, bool width, bool depth, bool heads) {
  const auto option = [&](const char* name, Size asked, bool has) {
    if (asked > 0 && !has)
      fail_hint(ErrorCode::usage, name, "leave the option out", "the network '{}' has no such size",
                network);
  };
  option("--width", p.size.width, width);
  option("--depth", p.size.depth, depth);
  option("--heads", p.size.heads, heads);
}

// --- MLP: "layers.0", ...

std::string mlp_head(const WeightShapes& w) {
  return fmt::format("layers.{}.weight", w.count("layers.", ".weight") - 1);
}

// Of the file; else as asked for; else few.
std::vector<Size> hidden_units(const NetworkPlan& p) {
  const auto& [width, depth, heads, activation] = p.size;
  if (p.weights.empty()) {
    if (width == 0 && depth == 0) return {64, 32};
    return std::vector<Size>(static_cast<std::size_t>(depth > 0 ? depth : 2),
                             width > 0 ? width : 128);
  }
  const Size layers = p.weights.count("layers.", ".weight") - 1;
  chosen("--depth", depth, layers, layers);
  std::vector<Size> units;
  for (Size i = 0; i < layers; ++i)
    units.push_back(
        chosen("--width", width, p.weights.size(fmt::format("layers.{}.weight", i), 0), 1));
  return units;
}

Module make_mlp(const NetworkPlan& p) {
  refuse(p, "mlp", true, true, false);
  std::vector<Size> sizes = hidden_units(p);
  const std::string last_bias = fmt::format("layers.{}.bias", sizes.size());
  sizes.insert(sizes.begin(), p.spec.channels * p.spec.height * p.spec.width);
  sizes.push_back(p.spec.classes);
  const auto named = [&](const auto& a) { return a.first == p.size.activation; };
  return std::make_unique<nn::Mlp>(
      sizes, p.key,
      nn::MlpOptions{.activation = std::ranges::find_if(activations, named)->second,
                     .last_bias = p.weights.has(last_bias)});
}

// --- convolutional networks

std::string fc2(const WeightShapes&) {
  return "fc2.weight";
}

Module make_cnn(const NetworkPlan& p) {
  refuse(p, "cnn", true, false, false);
  nn::CnnOptions o;
  o.width = chosen("--width", p.size.width, p.weights.size("conv_layer1.weight", 0), 8);
  o.hidden = p.weights.size("fc1.weight", 0).value_or(4 * o.width);
  o.batch_norm = p.weights.has("bn1.weight");
  return std::make_unique<nn::Cnn>(p.spec, p.key, o);
}

Size mixer_depth(const WeightShapes& w) {
  return w.count("", ".0.fn.0.weight", 3);
}
std::string mixer_head(const WeightShapes& w) {
  return fmt::format("{}.weight", 5 + mixer_depth(w));
}

Module make_convmixer(const NetworkPlan& p) {
  refuse(p, "convmixer", true, true, false);
  nn::ConvMixerOptions o;
  o.dim = chosen("--width", p.size.width, p.weights.size("0.weight", 0), 32);
  o.depth = chosen("--depth", p.size.depth, some(mixer_depth(p.weights)), 2);
  o.kernel_size = p.weights.size("3.0.fn.0.weight", 2).value_or(o.kernel_size);
  o.patch_size = p.weights.size("0.weight", 2).value_or(o.patch_size);
  return std::make_unique<nn::ConvMixer>(p.spec, p.key, o);
}

std::string linear_head(const WeightShapes&) {
  return "linear.weight";
}

Module make_resnet(const NetworkPlan& p) {
  refuse(p, "resnet", true, true, false);
  nn::ResNetOptions o{.widths = {8, 16, 32}, .blocks = {1, 1, 1}};
  if (const Size stages = p.weights.count("layer", ".0.conv1.weight", 1); stages > 0) {
    o = {.widths = {}, .blocks = {}};
    for (Size i = 1; i <= stages; ++i) {
      const std::string stage = fmt::format("layer{}.", i);
      o.widths.push_back(p.weights.size(stage + "0.conv1.weight", 0).value_or(0));
      o.blocks.push_back(p.weights.count(stage, ".conv1.weight"));
    }
  }
  const bool open = p.weights.empty();
  const Size first = chosen("--width", p.size.width, open ? std::nullopt : some(o.widths[0]), 8);
  for (std::size_t i = 0; open && i < o.widths.size(); ++i) o.widths[i] = first << i;
  for (Size& blocks : o.blocks)
    blocks = chosen("--depth", p.size.depth, open ? std::nullopt : some(blocks), blocks);
  return std::make_unique<nn::ResNet>(p.spec, p.key, o);
}

std::string classifier_head(const WeightShapes&) {
  return "classifier.weight";
}

Module make_densenet(const NetworkPlan& p) {
  refuse(p, "densenet", false, false, false);
  return std::make_unique<nn::DenseNet>(p.spec, p.key);
}

// --- LSTM over patches or rows

std::string fc(const WeightShapes&) {
  return "fc.weight";
}

Module make_lstm(const NetworkPlan& p) {
  refuse(p, "lstm", true, true, false);
  const WeightShapes& w = p.weights;
  nn::LstmClassifierOptions o{.patch = {4, 4}};
  const Size seen = w.size("lstm.weight_ih_l0", 1).value_or(16 * p.spec.channels),
             side = std::llround(std::sqrt(static_cast<double>(seen / p.spec.channels)));
  if (side * side * p.spec.channels == seen && p.spec.height % side == 0)
    o.patch = {side, side};
  else
    o.patch = {1, p.spec.width};
  if (p.spec.height == 1 && w.empty()) o.patch = {1, 1};
  o.hidden = chosen("--width", p.size.width, w.size("lstm.weight_hh_l0", 1), 64);
  o.layers = chosen("--depth", p.size.depth, some(w.count("lstm.weight_hh_l", "")), o.layers);
  o.bidirectional = w.has("lstm.weight_hh_l0_reverse");
  return std::make_unique<nn::LstmClassifier>(p.spec, p.key, o);
}

// --- vision transformers

std::string head(const WeightShapes&) {
  return "head.weight";
}

// Side of a patch, of which the embedding sees `images` images.
Size patch_side(const NetworkPlan& p, Size own, Size images) {
  const std::string name = "patch_embed.proj.weight";
  if (const auto side = p.weights.size(name, 2)) return *side;
  const auto features = p.weights.size(name, 1);
  if (!features) return own;
  return std::llround(std::sqrt(static_cast<double>(*features / (images * p.spec.channels))));
}

Module vit(const NetworkPlan& p, nn::VitOptions o) {
  refuse(p, "vit", true, true, true);
  const WeightShapes& w = p.weights;
  const std::string first = "encoder.layers.0.";
  o.patch_size = patch_side(p, o.patch_size, o.embedding == nn::PatchEmbedding::shifted ? 5 : 1);
  o.dim = chosen("--width", p.size.width, w.size("patch_embed.proj.weight", 0), 32);
  o.depth = chosen("--depth", p.size.depth, some(w.count("encoder.layers.", ".norm1.weight")), 2);
  o.heads = p.size.heads > 0 ? p.size.heads : o.heads;
  const auto projected = w.size(first + "self_attn.in_proj_weight", 0);
  const Size inner = projected ? *projected / 3 : o.dim;
  if (inner % o.heads != 0)
    fail_hint(ErrorCode::usage, "--heads", "give a number of heads that divides them",
              "{} heads do not divide {} features of attention", o.heads, inner);
  o.head_dim = inner / o.heads;
  o.mlp_dim = w.size(first + "linear1.weight", 0).value_or(2 * o.dim);
  o.qkv_bias = w.empty() ? o.qkv_bias : w.has(first + "self_attn.in_proj_bias");
  o.out_bias = w.empty() ? o.out_bias : w.has(first + "self_attn.out_proj.bias");
  if (!w.empty()) o.pooling = w.has("cls_token") ? nn::Pooling::cls : nn::Pooling::mean;
  return std::make_unique<nn::Vit>(p.spec, p.key, o);
}

Module make_vit(const NetworkPlan& p) {
  return vit(p, {});
}
Module make_vit_relu2(const NetworkPlan& p) {
  return vit(p, {.score = nn::AttentionScore::relu2_l1});
}
Module make_vit_simple(const NetworkPlan& p) {
  return vit(p, {.embedding = nn::PatchEmbedding::normed,
                 .positions = nn::Positions::sincos,
                 .out_bias = false});
}
Module make_vit_small(const NetworkPlan& p) {
  return vit(
      p, {.embedding = nn::PatchEmbedding::shifted, .pooling = nn::Pooling::cls, .locality = true});
}
Module make_vit_post(const NetworkPlan& p) {
  return vit(p, {.heads = 8,
                 .pooling = nn::Pooling::cls,
                 .qkv_bias = true,
                 .norm_first = false,
                 .activation = [](const Var& x) { return relu(x); }});
}

constexpr std::string_view in_proj = "encoder.layers.0.self_attn.in_proj_weight";

const NetworkFamily families[] = {
    {"mlp", "layers.0, layers.1, ... with an activation between; 64 and 32 hidden units",
     "layers.0.weight", mlp_head, make_mlp},
    {"cnn", "two convolutions, two linear layers; --width: channels, 8", "conv_layer1.weight", fc2,
     make_cnn},
    {"vit", "transformer, norms first, GELU; patches of 4, --width 32, --depth 2, --heads 4",
     in_proj, head, make_vit},
    {"vit-relu2", "the same with squared ReLU in the place of softmax", in_proj, head,
     make_vit_relu2},
    {"vit-simple", "SimpleViT: normed patches, sines and cosines for positions", in_proj, head,
     make_vit_simple},
    {"vit-small", "ViT for small data: shifted patches, locality attention, class token", in_proj,
     head, make_vit_small},
    {"vit-post",
     "norms behind the residuals, ReLU, class token, as torch.nn.TransformerEncoder; --heads 8",
     in_proj,
     head,
     make_vit_post,
     {{"transformer.", "encoder."}, {"mlp_head.0.", "encoder.norm."}, {"mlp_head.1.", "head."}}},
    {"convmixer", "ConvMixer; --width 32, --depth 2", "3.0.fn.0.weight", mixer_head,
     make_convmixer},
    {"resnet", "residual network; --width 8, doubled at each of three stages of --depth 1 blocks",
     "layer1.0.conv1.weight", linear_head, make_resnet},
    {"densenet", "DenseNet-121", "features.conv0.weight", classifier_head, make_densenet},
    {"lstm", "LSTM over patches of 4, or over rows; --width 64, --depth 1", "lstm.weight_ih_l0", fc,
     make_lstm},
};

}  // namespace

std::vector<std::string> activation_names() {
  std::vector<std::string> names;
  for (const auto& [name, f] : activations) names.emplace_back(name);
  return names;
}

std::span<const NetworkFamily> network_families() {
  return families;
}

const NetworkFamily& network_family(std::string_view name) {
  const auto found = std::ranges::find(families, name, &NetworkFamily::name);
  if (found == std::end(families))
    fail_hint(ErrorCode::usage, "--model",
              fmt::format("give one of {}", fmt::join(network_names(), ", ")),
              "no network is called '{}'", name);
  return *found;
}

}  // namespace sonde::experiments
