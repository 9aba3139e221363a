// Who touched each word of memory last.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace simulator {

enum class AccessKind : std::uint8_t { read, write, atomic };

/// One access by a thread of a kernel.
struct Access {
  std::uint32_t block = 0;
  std::uint16_t thread : 10 = 0;
  AccessKind kind : 2 = AccessKind::read;
  std::uint16_t bytes : 4 = 0;    ///< of the word, a bit for each; 0: there was no access
  std::uint16_t block_epoch = 0;  ///< barriers of the block before it, modulo 2^16
  std::uint16_t warp_epoch = 0;   ///< __syncwarps of the warp before it, modulo 2^16
  std::int32_t code = 0;          ///< where, relative to a function of the simulator
};

/// A word of 4 bytes: its last write, and two reads since then by different threads. All of one
/// kernel.
struct alignas(64) Cell {
  Access write;
  std::array<Access, 2> reads;
  std::uint32_t kernel = 0;         ///< launches are numbered from 1
  std::uint32_t writing_block = 0;  ///< of `written`
  std::uint8_t written = 0;         ///< bytes that this block has written
};

constexpr std::size_t word_bytes = 4;
constexpr std::size_t words_of_page = 1024;
constexpr std::size_t page_bytes = words_of_page * word_bytes;
using Page = std::array<Cell, words_of_page>;

/// The page of an address, by its number (address / page_bytes); made when it is first asked for.
Page& make_page(std::uintptr_t number);
/// Forgets pages between two kernels, if there are many. All cells that are held become invalid.
void trim_pages();

/// Pages that were asked for last, by the last bits of their numbers.
struct RecentPage {
  std::uintptr_t number = 0;
  Page* page = nullptr;
};
extern std::array<RecentPage, 1024> recent_pages;

inline Cell& cell_of(std::uintptr_t address) {
  const std::uintptr_t number = address / page_bytes;
  RecentPage& recent = recent_pages[number % recent_pages.size()];
  if (recent.number != number) recent = {number, &make_page(number)};
  return (*recent.page)[address % page_bytes / word_bytes];
}

}  // namespace simulator
