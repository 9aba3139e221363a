/// @file
/// A measurement of sensitivity with all it was made from, for another program to repeat.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "analysis/sensitivity.hpp"
#include "nn/module.hpp"

namespace sonde::experiments {

/// Measures the sensitivity of `module` to noise on patches of images f32 [n, C, H, W] again and
/// writes a safetensors file:
///   model.NAME     the module's state
///   images         [n, C, H, W]
///   noise          f32 [n, T, m, C, P, P]: what is added to patch t of image i in draw d
///   clean_logits   [n, K]
///   noisy_logits   [n, T, m, K]
///   flips          u8 [n, T, m]
/// in a folder that is made if need be, with `facts`, sigma and the counts as metadata. Logits are
/// those that the measurement saw: that each disturbed image is image + noise, and that the flips
/// add up to the measurement's own, is checked bit for bit; Error(numeric) otherwise. Returns the
/// measurement; `pause` as in sensitivity(). Error(file).
Sensitivity export_measurement(const std::filesystem::path& path, const nn::Module& module,
                               const Tensor& images, std::int64_t patch,
                               const SensitivityOptions& options,
                               std::map<std::string, std::string> facts,
                               const std::function<void(double share)>& pause = {});

}  // namespace sonde::experiments
