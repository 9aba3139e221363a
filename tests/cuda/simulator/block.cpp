#include "block.hpp"

#include <bit>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "access.hpp"
#include "fault.hpp"
#include "fiber.hpp"
#include "guarded.hpp"
#include "order.hpp"
#include "warp.hpp"

namespace simulator {

Place place;

namespace {

enum class Phase : std::uint8_t { fresh, ready, at_barrier, at_warp, ended };

struct Thread {
  Phase phase;
  Fiber* fiber;
};

/// The block that runs: its threads, what they wait for, and the fibers on which they run.
class Block {
 public:
  void prepare(const Call& call, dim3 size);
  void run();
  BlockVote wait_for_block(BlockBarrier kind, bool predicate);
  std::uint64_t wait_for_warp(WarpOp op, unsigned mask, std::uint64_t value, unsigned source);

 private:
  static void work_on_fiber();
  void run_threads();
  void run_kernel();
  void start_threads();
  void visit_all();
  void enter(std::size_t thread);
  void end_thread();
  void release_barrier();
  void ready(std::size_t warp, unsigned lanes);
  Warp& warp() { return warps_[walk_.index() / 32]; }
  [[noreturn]] void report_deadlock() const;

  const Call* call_ = nullptr;
  std::vector<uint3> indices_;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::size_t running_ = 0;  // threads that have not ended
  std::size_t at_barrier_ = 0;
  BlockBarrier kind_ = BlockBarrier::plain;
  int in_favour_ = 0;
  BlockVote vote_{};
  Walk walk_{0};
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> free_;
  Fiber* fiber_ = nullptr;
};

Block block;

void Block::prepare(const Call& call, dim3 size) {
  call_ = &call;
  indices_.clear();
  for (unsigned z = 0; z < size.z; ++z) {
    for (unsigned y = 0; y < size.y; ++y) {
      for (unsigned x = 0; x < size.x; ++x) indices_.push_back({x, y, z});
    }
  }
  threads_.resize(indices_.size());
  warps_.resize((indices_.size() + 31) / 32);
}

void Block::run() {
  running_ = threads_.size();
  at_barrier_ = 0;
  for (Thread& thread : threads_) thread = {Phase::fresh, nullptr};
  for (std::size_t w = 0; w < warps_.size(); ++w) {
    const std::size_t left = threads_.size() - w * 32;
    warps_[w].start(static_cast<unsigned>(left < 32 ? left : 32));
  }
  while (running_ > 0) visit_all();
}

/// Lets each thread run that can. If none could, all wait at the barrier, or for each other
/// forever.
void Block::visit_all() {
  bool moved = false;
  for (walk_ = Walk(threads_.size()); !walk_.at_end(); walk_.next()) {
    Thread& thread = threads_[walk_.index()];
    if (thread.phase != Phase::fresh && thread.phase != Phase::ready) continue;
    moved = true;
    if (thread.phase == Phase::fresh) {
      if (free_.empty()) {
        fibers_.push_back(std::make_unique<Fiber>(work_on_fiber));
        free_.push_back(fibers_.back().get());
      }
      thread.fiber = free_.back();
      free_.pop_back();
    }
    enter(walk_.index());
    fiber_ = thread.fiber;
    running.stack = {fiber_->stack(), Fiber::stack_bytes};
    fiber_->resume();
  }
  if (running_ == 0) return;
  if (at_barrier_ == running_) {
    release_barrier();
  } else if (!moved) {
    report_deadlock();
  }
}

void Block::enter(std::size_t thread) {
  threads_[thread].phase = Phase::ready;
  running.thread = static_cast<std::uint16_t>(thread);
  running.warp_epoch = warps_[thread / 32].syncs();
  place.thread = indices_[thread];
  place.lane = static_cast<unsigned>(thread % 32);
}

/// A fiber runs threads for ever: one that ends without having waited leaves it to the next one.
void Block::work_on_fiber() {
  for (;;) {
    block.run_threads();
    block.free_.push_back(block.fiber_);
    Fiber::yield();
  }
}

void Block::run_threads() {
  for (;;) {
    run_kernel();
    end_thread();
    Walk next = walk_;
    next.next();
    if (next.at_end() || threads_[next.index()].phase != Phase::fresh) return;
    walk_ = next;
    threads_[next.index()].fiber = fiber_;
    enter(next.index());
  }
}

void Block::run_kernel() {
  const Inside kernel(true);
  call_->run(call_->kernel, call_->arguments.get());
}

void Block::end_thread() {
  threads_[walk_.index()].phase = Phase::ended;
  --running_;
  ready(walk_.index() / 32, warp().leave(place.lane));
}

void Block::ready(std::size_t warp, unsigned lanes) {
  for (; lanes != 0; lanes &= lanes - 1) {
    threads_[warp * 32 + static_cast<unsigned>(std::countr_zero(lanes))].phase = Phase::ready;
  }
}

BlockVote Block::wait_for_block(BlockBarrier kind, bool predicate) {
  const Inside simulator(false);
  if (at_barrier_ == 0) {
    kind_ = kind;
    in_favour_ = 0;
  } else if (kind_ != kind) {
    fault("threads of a block wait at different kinds of __syncthreads");
  }
  ++at_barrier_;
  in_favour_ += predicate ? 1 : 0;
  threads_[walk_.index()].phase = Phase::at_barrier;
  Fiber::yield();
  return vote_;
}

void Block::release_barrier() {
  ++running.block_epoch;
  vote_ = {static_cast<int>(at_barrier_), in_favour_};
  at_barrier_ = 0;
  for (Thread& thread : threads_) {
    if (thread.phase == Phase::at_barrier) thread.phase = Phase::ready;
  }
}

std::uint64_t Block::wait_for_warp(WarpOp op, unsigned mask, std::uint64_t value, unsigned source) {
  const Inside simulator(false);
  const std::size_t index = walk_.index();
  Warp& mine = warp();
  const unsigned lane = place.lane;
  if (const unsigned lanes = mine.arrive(lane, op, mask, value, source); lanes != 0) {
    ready(index / 32, lanes);
    running.warp_epoch = mine.syncs();
  } else {
    threads_[index].phase = Phase::at_warp;
    Fiber::yield();
  }
  return mine.result(lane);
}

void Block::report_deadlock() const {
  std::string waits;
  for (std::size_t i = 0; i < threads_.size() && waits.empty(); ++i) {
    if (threads_[i].phase != Phase::at_warp) continue;
    char mask[16];
    std::snprintf(mask, sizeof mask, "0x%08x",
                  warps_[i / 32].missing(static_cast<unsigned>(i % 32)));
    waits = ", thread " + std::to_string(i) + " waits for lanes " + mask + " of its warp";
  }
  fault("threads wait for each other forever in block (" + std::to_string(place.block.x) + ", " +
        std::to_string(place.block.y) + ", " + std::to_string(place.block.z) +
        "): " + std::to_string(at_barrier_) + " of " + std::to_string(running_) +
        " threads wait at __syncthreads" + waits);
}

}  // namespace

BlockVote wait_for_block(BlockBarrier kind, bool predicate) {
  return block.wait_for_block(kind, predicate);
}

std::uint64_t wait_for_warp(WarpOp op, unsigned mask, std::uint64_t value, unsigned source) {
  return block.wait_for_warp(op, mask, value, source);
}

namespace {
const Guarded* shared_memory = nullptr;
}  // namespace

void* dynamic_shared() {
  return shared_memory->data();
}

void run_grid(const Call& call, int device, dim3 grid, dim3 size,
              std::size_t dynamic_shared_bytes) {
  const Guarded shared("the dynamic shared memory", dynamic_shared_bytes);
  shared_memory = &shared;
  set_last_kernel(call.kernel);
  const auto* arguments = static_cast<const std::byte*>(call.arguments.get());
  begin_kernel({device, {arguments, call.argument_bytes}, {shared.data(), shared.size()}});
  place.block_size = size;
  place.grid_size = grid;
  block.prepare(call, size);
  const std::uint64_t row = grid.x, plane = row * grid.y;
  for (Walk walk(plane * grid.z); !walk.at_end(); walk.next()) {
    const std::uint64_t i = walk.index();
    place.block = {static_cast<unsigned>(i % row), static_cast<unsigned>(i / row % grid.y),
                   static_cast<unsigned>(i / plane)};
    std::memset(shared.data(), poison_fresh, shared.size());
    running.block = static_cast<std::uint32_t>(i);
    block.run();
    shared.check();
  }
}

}  // namespace simulator
