#include "shadow.hpp"

#include <memory>
#include <unordered_map>
#include <vector>

namespace simulator {

std::array<RecentPage, 1024> recent_pages;

namespace {

/// Of 8 MiB of the device's memory.
constexpr std::size_t most_pages = 2048;

struct Pages {
  std::unordered_map<std::uintptr_t, Page*> used;  // by number
  std::vector<std::unique_ptr<Page>> all;
  std::size_t taken = 0;  // the first ones are used
};

Pages& pages() {
  static auto& pages = *new Pages;
  return pages;
}

/// A page with cells of earlier kernels, which count as empty. Memory is asked of the system only
/// when more pages are used than ever before.
Page* take_page() {
  auto& [used, all, taken] = pages();
  if (taken == all.size()) all.push_back(std::make_unique<Page>());
  return all[taken++].get();
}

}  // namespace

Page& make_page(std::uintptr_t number) {
  Page*& page = pages().used[number];
  if (page == nullptr) page = take_page();
  return *page;
}

void trim_pages() {
  if (pages().taken <= most_pages) return;
  pages().used.clear();
  pages().taken = 0;
  recent_pages = {};
}

}  // namespace simulator
