// Planted fault: all chunks of a parallel loop write to the same place.
#include <cstdio>

#include "tensor/parallel.hpp"

int main() {
  sonde::set_threads(4);
  long sum = 0;
  for (int repeat = 0; repeat < 100; ++repeat) {
    sonde::parallel_for(100000, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) sum += i;
    });
  }
  std::printf("%ld\n", sum);
}
