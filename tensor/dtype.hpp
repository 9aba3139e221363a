/// @file
/// Element types and devices, and Spec: what a tensor is without its data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tensor/dims.hpp"

namespace sonde {

/// f16 and bf16 are storage types: they convert, and only CUDA multiplies matrices of bf16.
enum class DType : std::uint8_t { f32, f64, i32, i64, u8, boolean, f16, bf16 };
inline constexpr int dtype_count = 8;

/// Raw bits of a 16-bit float; distinct types so that templates can tell them apart.
struct f16_t {
  std::uint16_t bits;
};
struct bf16_t {
  std::uint16_t bits;
};

constexpr std::int64_t size_of(DType t) {
  constexpr std::int64_t sizes[] = {4, 8, 4, 8, 1, 1, 2, 2};
  return sizes[static_cast<int>(t)];
}
constexpr bool is_float(DType t) {
  return t == DType::f32 || t == DType::f64 || t == DType::f16 || t == DType::bf16;
}
/// Float types that kernels compute in, and that carry derivatives.
constexpr bool is_differentiable(DType t) {
  return t == DType::f32 || t == DType::f64;
}
constexpr bool is_integer(DType t) {
  return t == DType::i32 || t == DType::i64 || t == DType::u8;
}
std::string_view to_string(DType t);

template <class T>
struct dtype_of_t;
template <>
struct dtype_of_t<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct dtype_of_t<double> {
  static constexpr DType value = DType::f64;
};
template <>
struct dtype_of_t<std::int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct dtype_of_t<std::int64_t> {
  static constexpr DType value = DType::i64;
};
template <>
struct dtype_of_t<std::uint8_t> {
  static constexpr DType value = DType::u8;
};
template <>
struct dtype_of_t<bool> {
  static constexpr DType value = DType::boolean;
};
template <>
struct dtype_of_t<f16_t> {
  static constexpr DType value = DType::f16;
};
template <>
struct dtype_of_t<bf16_t> {
  static constexpr DType value = DType::bf16;
};
/// DType of a C++ element type.
template <class T>
inline constexpr DType dtype_of = dtype_of_t<T>::value;

/// Calls `f(T{})` with the C++ type of `t`.
template <class F>
decltype(auto) visit_dtype(DType t, F&& f) {
  switch (t) {
    case DType::f32:
      return f(float{});
    case DType::f64:
      return f(double{});
    case DType::i32:
      return f(std::int32_t{});
    case DType::i64:
      return f(std::int64_t{});
    case DType::u8:
      return f(std::uint8_t{});
    case DType::boolean:
      return f(bool{});
    case DType::f16:
      return f(f16_t{});
    default:
      return f(bf16_t{});
  }
}

enum class DeviceType : std::uint8_t { cpu, cuda };
inline constexpr int device_type_count = 2;

struct Device {
  DeviceType type = DeviceType::cpu;
  std::int8_t index = 0;
  friend bool operator==(Device, Device) = default;
};
std::string to_string(Device d);

/// Shape, element type and device: all that `infer` computes with.
struct Spec {
  Dims shape;
  DType dtype = DType::f32;
  Device device{};
  friend bool operator==(const Spec&, const Spec&) = default;
};
/// "f32[2,3]"
std::string to_string(const Spec& s);

float to_float(f16_t v);
float to_float(bf16_t v);
/// Round to nearest even, as IEEE 754 asks; NaN stays NaN.
f16_t to_f16(float v);
bf16_t to_bf16(float v);

}  // namespace sonde

template <>
struct fmt::formatter<sonde::DType> : fmt::formatter<std::string_view> {
  auto format(sonde::DType t, fmt::format_context& ctx) const {
    return fmt::formatter<std::string_view>::format(sonde::to_string(t), ctx);
  }
};
template <>
struct fmt::formatter<sonde::Spec> : fmt::formatter<std::string> {
  auto format(const sonde::Spec& s, fmt::format_context& ctx) const {
    return fmt::formatter<std::string>::format(sonde::to_string(s), ctx);
  }
};
template <>
struct fmt::formatter<sonde::Device> : fmt::formatter<std::string> {
  auto format(sonde::Device d, fmt::format_context& ctx) const {
    return fmt::formatter<std::string>::format(sonde::to_string(d), ctx);
  }
};
