#include "experiments/boolean/export.hpp"

#include <fmt/format.h>

#include "autograd/ops.hpp"
#include "nn/state_dict.hpp"
#include "tensor/io_safetensors.hpp"

namespace sonde::experiments {
namespace {

void add_draws(NamedTensors& tensors, const std::string& prefix, const Point& at,
               const ParameterNoise& noise) {
  std::vector<Vars> draws(at.values.size());
  for (std::int64_t d = 0; d < noise.draws; ++d) {
    const Vars moved = with_noise(at, noise, d);
    for (std::size_t i = 0; i < moved.size(); ++i) draws[i].push_back(moved[i]);
  }
  for (std::size_t i = 0; i < draws.size(); ++i)
    tensors[prefix + at.space.blocks()[i].name] = stack(draws[i], 0).tensor();
}

}  // namespace

void export_bits(const std::filesystem::path& path, const nn::Module& module, const Target& target,
                 std::int64_t bits, const BitMeasurementOptions& o, const BitMeasurement& m) {
  const ParameterPoint at(module);
  const Tensor strings = measured_strings(bits, o);
  NamedTensors tensors{{"bits", strings},
                       {"labels", target.labels(strings).to(DType::f64).contiguous()}};
  for (const auto& [name, value] : nn::state_dict(module)) tensors["model." + name] = value;
  add_draws(tensors, "gaussian.", at, label_noise(o));
  add_draws(tensors, "sphere.", at, output_noise(o, at.space.size()));
  std::map<std::string, std::string> facts{{"target", target.name}};
  for (const auto& [name, value] : {std::pair{"eps", o.eps},
                                    {"loss", m.loss},
                                    {"label_sharpness", m.label_sharpness.value},
                                    {"output_sharpness", m.output_sharpness.value},
                                    {"radius", m.radius},
                                    {"norm", m.norm},
                                    {"blowup", m.blowup},
                                    {"log_blowup", m.log_blowup},
                                    {"theory_log_blowup", m.theory_log_blowup},
                                    {"theory_squared_blowup", m.theory_squared_blowup}})
    facts[name] = fmt::format("{}", value);
  std::filesystem::create_directories(path.parent_path());
  save_safetensors(path.string(), tensors, facts);
}

}  // namespace sonde::experiments
