// Atomic operations: one thread runs at a time and is not interrupted, so plain ones will do. Each
// returns the old value.
#pragma once

#include <concepts>
#include <type_traits>

namespace simulator {

template <class T, class... Types>
concept OneOf = (std::same_as<T, Types> || ...);
template <class T>
concept AtomicInteger = OneOf<T, int, unsigned, long long, unsigned long long>;

template <class T>
T exchange(T* address, T value) {
  const T old = *address;
  *address = value;
  return old;
}

}  // namespace simulator

// The second argument is not deduced, so that it converts as for CUDA's overloads.
template <simulator::OneOf<int, unsigned, unsigned long long, float, double> T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
  return simulator::exchange<T>(address, *address + value);
}
template <simulator::OneOf<int, unsigned> T>
T atomicSub(T* address, std::type_identity_t<T> value) {
  return simulator::exchange<T>(address, *address - value);
}
template <simulator::AtomicInteger T>
T atomicMin(T* address, std::type_identity_t<T> value) {
  return simulator::exchange<T>(address, value < *address ? value : *address);
}
template <simulator::AtomicInteger T>
T atomicMax(T* address, std::type_identity_t<T> value) {
  return simulator::exchange<T>(address, value > *address ? value : *address);
}
template <simulator::AtomicInteger T>
T atomicOr(T* address, std::type_identity_t<T> value) {
  return simulator::exchange<T>(address, *address | value);
}
template <simulator::AtomicInteger T>
T atomicAnd(T* address, std::type_identity_t<T> value) {
  return simulator::exchange<T>(address, *address & value);
}
template <simulator::AtomicInteger T>
T atomicXor(T* address, std::type_identity_t<T> value) {
  return simulator::exchange<T>(address, *address ^ value);
}
template <simulator::OneOf<int, unsigned, unsigned long long, float> T>
T atomicExch(T* address, std::type_identity_t<T> value) {
  return simulator::exchange<T>(address, value);
}
template <simulator::OneOf<int, unsigned, unsigned long long, unsigned short> T>
T atomicCAS(T* address, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  return simulator::exchange<T>(address, *address == expected ? value : *address);
}
