#include "tests/heap_count.hpp"

#include <cstdlib>
#include <new>

// All forms that free() answers for: a sanitizer's own ones must not be left among them.
void* operator new(std::size_t n, const std::nothrow_t&) noexcept {
  sonde::testing::heap_bytes += static_cast<std::int64_t>(n);
  return std::malloc(n);
}
void* operator new(std::size_t n) {
  if (void* p = operator new(n, std::nothrow)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}
