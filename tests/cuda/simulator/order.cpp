#include "order.hpp"

#include <numeric>

#include "state.hpp"

namespace simulator {
namespace {

Order order = Order::random;
std::uint64_t random_state = 1;

/// SplitMix64.
std::uint64_t draw() {
  std::uint64_t z = random_state += 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

}  // namespace

void set_schedule(std::uint64_t seed) {
  const Lock lock;
  order = Order::random;
  random_state = seed;
}

void set_schedule(Order chosen) {
  const Lock lock;
  order = chosen;
}

Walk::Walk(std::uint64_t count) : count_(count) {
  if (order == Order::forward || count < 2) return;
  if (order == Order::backward) {
    index_ = step_ = count - 1;
    return;
  }
  index_ = draw() % count;
  do {
    step_ = 1 + draw() % (count - 1);
  } while (std::gcd(step_, count) != 1);
}

bool run_another_stream() {
  return order == Order::backward || (order == Order::random && draw() % 2 == 0);
}

std::uint64_t pick(std::uint64_t count) {
  if (order == Order::forward) return 0;
  return order == Order::backward ? count - 1 : draw() % count;
}

}  // namespace simulator
