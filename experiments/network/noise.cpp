#include "experiments/network/noise.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/count.hpp"
#include "autograd/ops.hpp"
#include "experiments/vision/patched.hpp"
#include "experiments/vision/trainer.hpp"

namespace sonde::experiments {
namespace {

constexpr std::int64_t few = 20;  // samples of the checks

bool has_size(const std::string& noise) {
  return noise != "bits";
}

// The two whole numbers that all inputs are, if there are no others.
std::optional<std::pair<std::int64_t, std::int64_t>> bit_values(const Tensor& inputs) {
  const std::vector<double> all = inputs.to(DType::f64).to_vector<double>();
  const auto [low, high] = std::ranges::minmax(all);
  const bool two = std::ranges::all_of(all, [&](double v) { return v == low || v == high; });
  if (!two || low == high || low != std::round(low) || high != std::round(high)) return {};
  return std::pair{static_cast<std::int64_t>(low), static_cast<std::int64_t>(high)};
}

// The value at the tap of one sample: [1, tokens, features].
Tensor tokens_of(const Network& network, const NoiseOptions& o) {
  try {
    const Tensor first = disturbed_of(network, o).images.slice(0, 0, 1);
    Tensor value = value_at(tapped(*network.module), first, o.tap);
    if (value.rank() == 3) return value;
    fail_hint(ErrorCode::usage, "--tap", "name a point where the network has tokens",
              "the value at {} is {}, and not [n, tokens, features]", o.tap, value.shape());
  } catch (const Error& e) {
    if (e.code() != ErrorCode::names) throw;
    fail_hint(ErrorCode::usage, "--tap",
              "name a point where the network has tokens, or measure "
              "other --noise",
              "the network '{}' offers no value at {}: {}", o.network.model, o.tap, e.message());
  }
}

void check_patch(const Network& network, const NoiseOptions& o) {
  const Tensor& x = disturbed_of(network, o).images;
  if (x.size(2) % o.patch != 0 || x.size(3) % o.patch != 0)
    fail_hint(ErrorCode::usage, "--patch", "give a side that divides height and width",
              "patches of {} do not tile inputs of {} x {}", o.patch, x.size(2), x.size(3));
}

std::unique_ptr<Perturbation> perturbation_of(const std::string& noise, const Network& network,
                                              const NoiseOptions& o) {
  const Tensor& x = disturbed_of(network, o).images;
  const std::int64_t channels = x.size(1), height = x.size(2), width = x.size(3);
  if (noise == "patch") return patch_noise(channels, height, width, o.patch);
  if (noise == "scattered") return scattered_noise(channels, height, width, o.patch, o.scattered);
  if (noise == "whole") return whole_noise();
  if (noise == "token") {
    const Tensor tokens = tokens_of(network, o);
    return token_noise(tokens.size(1), tokens.size(2));
  }
  const auto [low, high] = bit_values(x).value_or(std::pair<std::int64_t, std::int64_t>{0, 1});
  return bit_flip(channels * height * width, low, high);
}

Sensitivity computed(const std::string& noise, const Network& network, const ImageSet& set,
                     const Perturbation& perturbation, const NoiseOptions& o,
                     SensitivityOptions how, const std::function<void(double)>& pause) {
  const nn::Module& module = *network.module;
  if (noise == "token") {
    how.relative = true;
    return sensitivity(tapped(module), o.tap, set.images, perturbation, how, pause);
  }
  if (noise == "bits") {
    const Dims image = set.images.shape();
    const Classifier classify = classifier(module);
    const Classifier of_bits = [&](const Tensor& x) {
      return classify(x.reshape({x.size(0), image[1], image[2], image[3]}));
    };
    return sensitivity(of_bits, set.images.reshape({image[0], image[1] * image[2] * image[3]}),
                       perturbation, how, pause);
  }
  // Of a patch's reach alone the library computes in f32.
  const bool local = noise == "patch" && o.network.precision == "f32";
  const auto patched = local ? patched_classifier(module) : nullptr;
  if (patched) return sensitivity(*patched, set.images, perturbation, how, pause);
  return sensitivity(classifier(module), set.images, perturbation, how, pause);
}

SensitivityOptions how(const NoiseOptions& o, const Run& run, double sigma) {
  return {.sigma = sigma, .draws = o.draws, .key = {run.settings().seed, 20}, .batch = o.batch};
}

// All that a Sensitivity holds, from the shares of flips by sample and position.
Sensitivity from_shares(const Tensor& shares, std::int64_t draws) {
  Sensitivity s;
  s.shares = shares;
  const Var v = shares;
  s.by_input = mean(v, {1}).tensor().to_vector<double>();
  s.by_position = mean(v, {0}).tensor().to_vector<double>();
  s.trials = shares.numel() * draws;
  s.flips = std::llround(sum(v).item() * static_cast<double>(draws));
  return s;
}

void check_stillness(NoiseFindings& f, Run& run, Stages& stages, const Network& network,
                     const NoiseOptions& o) {
  const ImageSet set = first_of(disturbed_of(network, o), few);
  f.compared = set.size();
  const Json found = stages.once("checks", [&] {
    std::int64_t flips = 0, trials = 0, apart = 0;
    for (const std::string& noise : o.noise) {
      const auto perturbation = perturbation_of(noise, network, o);
      const auto with = [&](double sigma, std::int64_t batch) {
        SensitivityOptions options = how(o, run, sigma);
        options.batch = batch;
        return computed(noise, network, set, *perturbation, o, options,
                        [&](double) { stages.pause(); });
      };
      if (has_size(noise)) {
        const Sensitivity still = with(0, o.batch);
        flips += still.flips;
        trials += still.trials;
      }
      const Sensitivity one = with(o.sigmas.back(), o.batch),
                        other = with(o.sigmas.back(), std::max<std::int64_t>(o.batch / 3, 1));
      for (std::size_t i = 0; i < one.by_input.size(); ++i)
        apart += one.by_input[i] != other.by_input[i];
    }
    return Json{{"flips", flips}, {"trials", trials}, {"apart", apart}};
  });
  f.still_flips = found.at("flips").get<std::int64_t>();
  f.still_trials = found.at("trials").get<std::int64_t>();
  f.apart = found.at("apart").get<std::int64_t>();
}

}  // namespace

std::vector<std::string> noise_names() {
  return {"patch", "scattered", "token", "whole", "bits"};
}

const ImageSet& disturbed_of(const Network& network, const NoiseOptions& o) {
  return o.split == "test" ? network.test : network.train;
}

NoiseOptions settled(NoiseOptions o, const Network& network) {
  const bool bits = bit_values(disturbed_of(network, o).images).has_value();
  if (o.noise.empty()) {
    o.noise = network.images ? std::vector<std::string>{"patch", "scattered"}
                             : std::vector<std::string>{"patch", "whole"};
    if (o.network.model.starts_with("vit")) o.noise.emplace_back("token");
    if (bits && !network.images) o.noise.emplace_back("bits");
  }
  if (o.patch == 0) o.patch = network.images ? 4 : 1;
  for (const std::string& noise : o.noise) {
    if (noise == "patch" || noise == "scattered") check_patch(network, o);
    if (noise == "token") tokens_of(network, o);
    if (noise == "bits" && !bits)
      fail_hint(ErrorCode::usage, "--noise", "measure patch or whole noise",
                "bits flip where every input is one of two whole numbers, and these are not");
  }
  return o;
}

Budget noise_budget(const Network& network, const NoiseOptions& o) {
  const ImageSet& set = disturbed_of(network, o);
  const auto run_once = [&](const Vars& x) { return make_vars((*network.module)(x[0])); };
  const FunctionCount count =
      counted(run_once, make_vars(Var(set.images.slice(0, 0, 1).to(network.module->device()))));
  Budget b{.of = fmt::format("{}. {}. Disturbed are {} {} samples.", network.network, network.data,
                             set.size(), o.split),
           .limit = static_cast<double>(gib(o.max_memory))};
  for (const std::string& noise : o.noise) {
    const std::int64_t places = perturbation_of(noise, network, o)->positions(),
                       sizes = has_size(noise) ? std::ssize(o.sigmas) : 1,
                       trials = places * set.size() * o.draws * sizes;
    b.works.push_back({noise + " noise", fmt::format("{} runs", trials),
                       static_cast<double>(trials) * count.flops,
                       static_cast<double>(std::min(o.batch, trials)) * count.bytes});
  }
  return b;
}

NoiseFindings measure_noise(Run& run, Stages& stages, const Network& network,
                            const NoiseOptions& o) {
  const ImageSet& set = disturbed_of(network, o);
  NoiseFindings f;
  f.accuracy = accuracy(classifier(*network.module), set);
  check_stillness(f, run, stages, network, o);
  for (const std::string& noise : o.noise) {
    const auto perturbation = perturbation_of(noise, network, o);
    const std::vector<double> sizes = has_size(noise) ? o.sigmas : std::vector<double>{0};
    for (const double sigma : sizes) {
      const std::string part = fmt::format("{} noise, sigma {}", noise, sigma);
      const Tensor shares = stages.tensor_once(part, [&] {
        Watched watched(run, stages, part, 100, "percent");
        return computed(noise, network, set, *perturbation, o, how(o, run, sigma),
                        [&](double share) { watched.reached_share(share); })
            .shares;
      });
      f.measurements.push_back({noise, sigma, from_shares(shares, o.draws)});
    }
  }
  return f;
}

}  // namespace sonde::experiments
