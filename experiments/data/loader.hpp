/// @file
/// Loader: batches of items in memory, in an order that is a pure function of a key.
#pragma once

#include <memory>
#include <span>

#include "experiments/data/ahead.hpp"
#include "experiments/data/augment.hpp"
#include "tensor/tensor.hpp"

namespace sonde::experiments {

/// A batch's place: which pass over the data, and which batch of it.
struct Position {
  std::int64_t epoch = 0, step = 0;
  friend bool operator==(const Position&, const Position&) = default;
};

struct Batch {
  Tensors parts;  ///< of each part of the data, the batch's items
  Position position;
};

struct LoaderOptions {
  std::int64_t batch_size = 1;
  bool shuffle = false;
  bool drop_last = false;     ///< no short batch at the end of an epoch
  philox::Key key{};          ///< of order and augmentation
  Augmentation augment{};     ///< changes each item of the first part
  std::int64_t prefetch = 2;  ///< batches made ahead by a background thread; 0: no thread
};

/// Goes through the data epoch after epoch. A batch is a pure function of data, options and
/// position: the order of an epoch comes from (key, epoch), the augmentation of an item from (key,
/// epoch, item). So it is the same with and without prefetching, for any number of threads, and
/// after seek(). One thread may use a loader.
class Loader {
 public:
  /// `data`: tensors with one item at each place of their first axis, such as {images, labels}.
  /// Error(shape) unless all have the same number of items, Error(value) unless batch_size >= 1 and
  /// an epoch has a batch.
  Loader(const Tensors& data, LoaderOptions options);
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The next batch.
  Batch next();
  /// Of the next batch.
  Position position() const { return position_; }
  /// Goes on from there. Error(value) if there is no such position.
  void seek(Position position);
  /// Starts over with other random numbers.
  void reseed(philox::Key key);

  std::int64_t steps_per_epoch() const;
  philox::Key key() const { return options_.key; }

 private:
  Batch make(Position position);
  Position after(Position position) const;
  philox::Key epoch_key(std::int64_t epoch) const;

  Tensors data_;
  LoaderOptions options_;
  std::int64_t items_;
  Position position_;
  std::int64_t ordered_epoch_ = -1;  // this and order_ belong to who makes batches
  std::vector<std::int64_t> order_;
  std::unique_ptr<Ahead<Batch>> ahead_;  // last: its thread uses the others
};

/// The items at `indices` of the first axis, in that order. Error(axis) on an index out of range.
Tensor items_at(const Tensor& data, std::span<const std::int64_t> indices);

/// The numbers 0 ... n - 1 in random order, a pure function of `key`.
std::vector<std::int64_t> permutation(philox::Key key, std::int64_t n);

}  // namespace sonde::experiments
