// Planted fault: a product of sizes overflows a signed integer (what tensor/checked.hpp is for).
#include <cstdint>
#include <cstdio>
#include <limits>

int main(int argc, char**) {
  volatile std::int64_t size = std::numeric_limits<std::int64_t>::max();
  const std::int64_t bytes = size * (argc + 3);
  std::printf("%lld\n", static_cast<long long>(bytes));
}
