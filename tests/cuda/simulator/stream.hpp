// Streams: queues whose work waits until somebody waits for it.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>

#include "simulator.hpp"

namespace simulator {

/// One cudaEventRecord: done once its stream came to it.
struct Record {
  std::shared_ptr<CUstream_st> stream;
  bool done = false;
  std::chrono::steady_clock::time_point time;
};

/// A piece of work.
struct Work {
  std::function<void()> run{};
  std::shared_ptr<Record> after{};  ///< it waits for that first, if not null
  const void* host = nullptr;       ///< pinned memory it will read or write
  std::size_t host_bytes = 0;
};

}  // namespace simulator

struct CUstream_st {
  int device;
  std::deque<simulator::Work> pending;
};

struct CUevent_st {
  int device;
  bool timed;
  std::shared_ptr<simulator::Record> latest;
};

namespace simulator {

using Stream = CUstream_st;

std::shared_ptr<Stream> create_stream(int device);
/// The stream of a handle; of null, that of the current device. Null if it was destroyed or never
/// made.
std::shared_ptr<Stream> find_stream(cudaStream_t handle);
/// The handle ends; the work it still has is done at the latest when the host waits for the device.
void destroy_stream(cudaStream_t handle);

/// Does the first piece of work, after what it waits for; in some orders other streams' work before
/// that.
void advance(Stream& stream);
void drain(Stream& stream);
void drain_device(int device);
void wait_for(const Record& record);
/// Whether work is pending that uses some of this pinned memory.
bool is_awaited(const void* pinned, std::size_t bytes);

}  // namespace simulator
