/// @file
/// Values made ahead of their use by one background thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace sonde::experiments {

/// Calls `make` again and again on a thread of its own, up to `depth` values ahead of take(). The
/// values come in order, so they are the same as without the thread if nobody else calls `make`.
template <class T>
class Ahead {
 public:
  Ahead(std::function<T()> make, std::size_t depth)
      : make_(std::move(make)),
        depth_(depth),
        thread_([this](const std::stop_token& stop) { work(stop); }) {}

  /// The next value, waiting for it if need be; what `make` threw is thrown here, then and at every
  /// later call.
  T take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !ready_.empty() || failure_; });
    if (ready_.empty()) std::rethrow_exception(failure_);
    T value = std::move(ready_.front());
    ready_.pop_front();
    changed_.notify_all();
    return value;
  }

 private:
  void work(const std::stop_token& stop) {
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        if (!changed_.wait(lock, stop, [&] { return ready_.size() < depth_; })) return;
      }
      if (stop.stop_requested()) return;
      try {
        T value = make_();
        const std::lock_guard lock(mutex_);
        ready_.push_back(std::move(value));
      } catch (...) {
        const std::lock_guard lock(mutex_);
        failure_ = std::current_exception();
      }
      changed_.notify_all();
      if (failure_) return;
    }
  }

  const std::function<T()> make_;
  const std::size_t depth_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<T> ready_;
  std::exception_ptr failure_;
  std::jthread thread_;  // last: it stops before what it uses is gone
};

}  // namespace sonde::experiments
