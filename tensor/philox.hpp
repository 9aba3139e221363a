/// @file
/// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", 2011):
/// a random number is a pure function of a key and a counter. Plain constexpr functions, so that
/// CPU and CUDA code compute the same integers.
///
/// A Key is 128 bits, stored as an i64[2] tensor. Element i of a draw owns 64 bits: half (i mod 2)
/// of the block with counter i / 2. Nothing else enters, so a draw is the same for any thread count
/// and any way of cutting it.
#pragma once

#include <cstdint>

namespace sonde::philox {

struct Block {
  std::uint32_t word[4];
};

struct Key {
  std::uint64_t k0 = 0, k1 = 0;
  friend constexpr bool operator==(const Key&, const Key&) = default;
};

inline constexpr std::uint32_t multiplier0 = 0xD2511F53u, multiplier1 = 0xCD9E8D57u;
inline constexpr std::uint32_t weyl0 = 0x9E3779B9u, weyl1 = 0xBB67AE85u;
inline constexpr int rounds = 10;

/// The ten rounds: counter and key to four random words.
constexpr Block generate(Block counter, std::uint32_t key0, std::uint32_t key1) {
  Block c = counter;
  for (int round = 0; round < rounds; ++round, key0 += weyl0, key1 += weyl1) {
    const std::uint64_t p0 = std::uint64_t{multiplier0} * c.word[0];
    const std::uint64_t p1 = std::uint64_t{multiplier1} * c.word[2];
    c = {{static_cast<std::uint32_t>(p1 >> 32) ^ c.word[1] ^ key0, static_cast<std::uint32_t>(p1),
          static_cast<std::uint32_t>(p0 >> 32) ^ c.word[3] ^ key1, static_cast<std::uint32_t>(p0)}};
  }
  return c;
}

/// Half `h` of a block as one 64-bit number.
constexpr std::uint64_t half(const Block& b, int h) {
  return b.word[2 * h] | static_cast<std::uint64_t>(b.word[2 * h + 1]) << 32;
}

/// Block `index` of a key's stream: k0 is the cipher's key, k1 the upper half of the counter. Two
/// different keys never share a (key, counter) pair.
constexpr Block block(Key key, std::uint64_t index) {
  const Block counter{{static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32),
                       static_cast<std::uint32_t>(key.k1),
                       static_cast<std::uint32_t>(key.k1 >> 32)}};
  return generate(counter, static_cast<std::uint32_t>(key.k0),
                  static_cast<std::uint32_t>(key.k0 >> 32));
}

/// The 64 bits of element `i`.
constexpr std::uint64_t bits(Key key, std::uint64_t i) {
  return half(block(key, i / 2), static_cast<int>(i % 2));
}

namespace detail {
// Each use of a key other than drawing flips other bits of k0, so that no use sees another's
// numbers.
inline constexpr std::uint64_t split_tag = 0x853c49e6748fea9bu, fold_tag = 0xda3e39cb94b95bdbu;
inline constexpr std::uint64_t retry_step = 0x9e3779b97f4a7c15u;

constexpr Key derived(Key key, std::uint64_t tag, std::uint64_t index) {
  const Block b = block({key.k0 ^ tag, key.k1}, index);
  return {half(b, 0), half(b, 1)};
}
}  // namespace detail

/// Child `i` of a key; split(key, n) is children 0 .. n-1.
constexpr Key child(Key key, std::uint64_t i) {
  return detail::derived(key, detail::split_tag, i);
}

/// A key for `data` (a step, a sample index, a layer's handle).
constexpr Key fold_in(Key key, std::uint64_t data) {
  return detail::derived(key, detail::fold_tag, data);
}

/// 53 bits as a number in [0, 1).
constexpr double unit(std::uint64_t bits) {
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

/// Uniform integer in [0, range), range 0 standing for 2^64, from the 64 bits of element i.
/// Lemire's method: the high half of bits * range, drawn again while the low half lies in the short
/// interval that would be counted once too often.
constexpr std::uint64_t below(Key key, std::uint64_t i, std::uint64_t first_bits,
                              std::uint64_t range) {
  if (range == 0) return first_bits;
  __extension__ using Wide = unsigned __int128;
  Wide product = Wide{first_bits} * range;
  if (static_cast<std::uint64_t>(product) < range) {
    const std::uint64_t reject = (0 - range) % range;  // 2^64 mod range
    while (static_cast<std::uint64_t>(product) < reject) {
      key.k0 += detail::retry_step;
      product = Wide{bits(key, i)} * range;
    }
  }
  return static_cast<std::uint64_t>(product >> 64);
}

}  // namespace sonde::philox
