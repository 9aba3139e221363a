#include "tensor/dtype.hpp"

#include "tensor/functors/convert.hpp"

namespace sonde {

std::string_view to_string(DType t) {
  constexpr std::string_view names[] = {"f32", "f64", "i32", "i64", "u8", "bool", "f16", "bf16"};
  return names[static_cast<int>(t)];
}

std::string to_string(Device d) {
  return d.type == DeviceType::cpu ? "cpu" : "cuda:" + std::to_string(d.index);
}

std::string to_string(const Spec& s) {
  std::string text = std::string(to_string(s.dtype)) + to_string(s.shape);
  if (s.device.type != DeviceType::cpu) text += "@" + to_string(s.device);
  return text;
}

float to_float(f16_t v) {
  return functors::float_of(v);
}
float to_float(bf16_t v) {
  return functors::float_of(v);
}
f16_t to_f16(float v) {
  return functors::f16_of(v);
}
bf16_t to_bf16(float v) {
  return functors::bf16_of(v);
}

}  // namespace sonde
