#include "stream.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include "order.hpp"
#include "state.hpp"

namespace simulator {
namespace {

struct Streams {
  std::map<cudaStream_t, std::shared_ptr<Stream>> live;
  std::shared_ptr<Stream> null_streams[most_devices];
  std::vector<std::shared_ptr<Stream>> every_one;  // as long as it has a handle or work
};

Streams& streams() {
  static auto& streams = *new Streams;
  return streams;
}

bool is_blocked(const Stream& stream) {
  const auto& after = stream.pending.front().after;
  return after && !after->done;
}

void do_first(Stream& stream) {
  const Work work = std::move(stream.pending.front());
  stream.pending.pop_front();
  if (work.run) work.run();
}

/// Lets a stream other than `stream` go on that has work and waits for nobody.
void advance_another(const Stream& stream) {
  std::vector<std::shared_ptr<Stream>> able;
  for (const auto& other : streams().every_one) {
    if (other.get() == &stream || other->pending.empty() || is_blocked(*other)) continue;
    able.push_back(other);
  }
  if (!able.empty()) do_first(*able[pick(able.size())]);
}

}  // namespace

std::shared_ptr<Stream> create_stream(int device) {
  auto& every_one = streams().every_one;
  std::erase_if(every_one, [](const auto& stream) {
    return stream.use_count() == 1 && stream->pending.empty();
  });
  auto stream = std::make_shared<Stream>(Stream{device, {}});
  every_one.push_back(stream);
  streams().live[stream.get()] = stream;
  return stream;
}

std::shared_ptr<Stream> find_stream(cudaStream_t handle) {
  if (handle == nullptr) {
    auto& stream = streams().null_streams[current_device];
    if (!stream) stream = create_stream(current_device);
    return stream;
  }
  const auto place = streams().live.find(handle);
  return place == streams().live.end() ? nullptr : place->second;
}

void destroy_stream(cudaStream_t handle) {
  streams().live.erase(handle);
}

void advance(Stream& stream) {
  if (run_another_stream()) advance_another(stream);
  while (!stream.pending.empty() && is_blocked(stream)) {
    wait_for(*std::shared_ptr(stream.pending.front().after));
  }
  if (!stream.pending.empty()) do_first(stream);
}

void drain(Stream& stream) {
  while (!stream.pending.empty()) advance(stream);
}

void drain_device(int device) {
  const auto busy = [&](const auto& stream) {
    return stream->device == device && !stream->pending.empty();
  };
  for (;;) {
    std::vector<std::shared_ptr<Stream>> left;
    std::ranges::copy_if(streams().every_one, std::back_inserter(left), busy);
    if (left.empty()) return;
    advance(*left[pick(left.size())]);
  }
}

void wait_for(const Record& record) {
  while (!record.done) advance(*record.stream);
}

bool is_awaited(const void* pinned, std::size_t bytes) {
  const auto* begin = static_cast<const std::byte*>(pinned);
  const auto uses = [&](const Work& work) {
    const auto* at = static_cast<const std::byte*>(work.host);
    return at != nullptr && at < begin + bytes && begin < at + work.host_bytes;
  };
  return std::ranges::any_of(streams().every_one, [&](const auto& stream) {
    return std::ranges::any_of(stream->pending, uses);
  });
}

}  // namespace simulator
