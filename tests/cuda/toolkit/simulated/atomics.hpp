// Atomic operations: one thread runs at a time and is not interrupted, so plain ones will do. Each
// returns the old value.
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>

namespace simulator {

template <class T, class... Types>
concept OneOf = (std::same_as<T, Types> || ...);
template <class T>
concept AtomicInteger = OneOf<T, int, unsigned, long long, unsigned long long>;

/// Tells who watches accesses to memory of this one.
void note_atomic(const void* address, std::size_t bytes);

/// Puts change(old value) in the place of the old value, which it returns. Sources that are
/// compiled to report their accesses shall not report these as plain ones.
template <class T, class Change>
[[gnu::no_sanitize("thread")]] T atomically(T* address, Change change) {
  note_atomic(address, sizeof(T));
  const T old = *address;
  *address = change(old);
  return old;
}

}  // namespace simulator

// The second argument is not deduced, so that it converts as for CUDA's overloads.
template <simulator::OneOf<int, unsigned, unsigned long long, float, double> T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
  return simulator::atomically(address, [=](T old) -> T { return old + value; });
}
template <simulator::OneOf<int, unsigned> T>
T atomicSub(T* address, std::type_identity_t<T> value) {
  return simulator::atomically(address, [=](T old) -> T { return old - value; });
}
template <simulator::AtomicInteger T>
T atomicMin(T* address, std::type_identity_t<T> value) {
  return simulator::atomically(address, [=](T old) -> T { return value < old ? value : old; });
}
template <simulator::AtomicInteger T>
T atomicMax(T* address, std::type_identity_t<T> value) {
  return simulator::atomically(address, [=](T old) -> T { return value > old ? value : old; });
}
template <simulator::AtomicInteger T>
T atomicOr(T* address, std::type_identity_t<T> value) {
  return simulator::atomically(address, [=](T old) -> T { return old | value; });
}
template <simulator::AtomicInteger T>
T atomicAnd(T* address, std::type_identity_t<T> value) {
  return simulator::atomically(address, [=](T old) -> T { return old & value; });
}
template <simulator::AtomicInteger T>
T atomicXor(T* address, std::type_identity_t<T> value) {
  return simulator::atomically(address, [=](T old) -> T { return old ^ value; });
}
template <simulator::OneOf<int, unsigned, unsigned long long, float> T>
T atomicExch(T* address, std::type_identity_t<T> value) {
  return simulator::atomically(address, [=](T) { return value; });
}
template <simulator::OneOf<int, unsigned, unsigned long long, unsigned short> T>
T atomicCAS(T* address, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  return simulator::atomically(address, [=](T old) -> T { return old == expected ? value : old; });
}
