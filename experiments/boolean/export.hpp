/// @file
/// A measurement of a network on bit strings with all it was made from, for another program to
/// repeat.
#pragma once

#include <filesystem>

#include "experiments/boolean/measurement.hpp"

namespace sonde::experiments {

/// Writes a safetensors file, all of it f64 but the strings:
///   model.NAME        the module's state
///   bits              i64 [strings, n]
///   labels            [strings]
///   gaussian.NAME     [draws, ...]: the parameter in each draw of label_noise()
///   sphere.NAME       [draws, ...]: in each draw of output_noise()
/// in a folder that is made if need be, with the numbers of `found` as metadata, to the last digit.
/// `found` is what BitProbe::measure(target, bits, options) returned of the module. Error(file).
void export_bits(const std::filesystem::path& path, const nn::Module& module, const Target& target,
                 std::int64_t bits, const BitMeasurementOptions& options,
                 const BitMeasurement& found);

}  // namespace sonde::experiments
