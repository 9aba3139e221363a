#include "tensor/dtype.hpp"

#include <bit>

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
  const std::uint32_t sign = (v.bits & 0x8000u) << 16, exponent = (v.bits >> 10) & 31u;
  std::uint32_t mantissa = v.bits & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent != 0)
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
  const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;  // zero or subnormal
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
}

float to_float(bf16_t v) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(v.bits) << 16);
}

f16_t to_f16(float v) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(v), magnitude = bits & 0x7fffffffu;
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  auto with_sign = [sign](std::uint32_t m) { return f16_t{static_cast<std::uint16_t>(sign | m)}; };
  if (magnitude > 0x7f800000u) return with_sign(0x7e00u | ((magnitude >> 13) & 0x1ffu));
  if (magnitude >= 0x477ff000u) return with_sign(0x7c00u);  // rounds to infinity
  if (magnitude < 0x38800000u) {  // subnormal: let the float adder do the rounding
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return with_sign(std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(0.5f));
  }
  return with_sign((magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13);
}

bf16_t to_bf16(float v) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(v);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {static_cast<std::uint16_t>((bits >> 16) | 0x40u)};
  return {static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

}  // namespace sonde
