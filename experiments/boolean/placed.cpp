#include "experiments/boolean/placed.hpp"

#include "autograd/ops.hpp"
#include "experiments/common/key_tensor.hpp"

namespace sonde::experiments {

Tensor placed(const Tensor& tokens, const Tensor& positions) {
  return stack({Var(tokens), Var(positions)}, 2).tensor();
}

Var tokens_of(const Var& strings) {
  return strings.rank() == 3 ? select(strings, 2, 0) : strings;
}

Var positions_of(const Var& strings) {
  return strings.rank() == 3 ? select(strings, 2, 1) : Var(Tensor::arange(strings.size(1)));
}

Tensor random_positions(std::int64_t strings, std::int64_t n, std::int64_t positions,
                        philox::Key key) {
  if (n < 1 || n > positions)
    fail(ErrorCode::value, "random_positions", "strings of {} at {} positions", n, positions);
  const Var first = randint(random_key(key), {strings, 1}, 0, positions - n + 1);
  return add(first, Tensor::arange(n)).tensor();
}

Tensor bits_somewhere(std::int64_t strings, std::int64_t n, std::int64_t positions,
                      philox::Key key) {
  return placed(uniform_bits(strings, n)(philox::child(key, 0)),
                random_positions(strings, n, positions, philox::child(key, 1)));
}

BitSource bits_of_lengths(std::int64_t strings, std::int64_t shortest, std::int64_t longest,
                          std::int64_t positions) {
  if (shortest < 1 || shortest > longest || longest > positions)
    fail(ErrorCode::value, "bits_of_lengths", "{} to {} bits at {} positions", shortest, longest,
         positions);
  return [=](philox::Key key) {
    const auto lengths = static_cast<std::uint64_t>(longest - shortest + 1);
    const std::int64_t n =
        shortest + static_cast<std::int64_t>(philox::bits(philox::child(key, 2), 0) % lengths);
    return bits_somewhere(strings, n, positions, key);
  };
}

}  // namespace sonde::experiments
