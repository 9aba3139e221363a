#include "experiments/data/loader.hpp"

#include <algorithm>
#include <cstring>

#include "experiments/common/key_tensor.hpp"
#include "tensor/kernels/random.hpp"

namespace sonde::experiments {

std::vector<std::int64_t> permutation(philox::Key key, std::int64_t n) {
  Tensor out = Tensor::empty({1, n}, DType::i64);
  kernels::random_permutation.find({}, DType::i64)(random_key(key).reshape({1, 2}), out);
  return out.to_vector<std::int64_t>();
}

Tensor items_at(const Tensor& data, std::span<const std::int64_t> indices) {
  const Tensor rows = data.contiguous();
  Dims shape = rows.shape();
  const std::int64_t items = shape[0];
  shape[0] = static_cast<std::int64_t>(indices.size());
  Tensor out = Tensor::empty(shape, rows.dtype());
  const auto bytes =
      static_cast<std::size_t>(items > 0 ? rows.numel() / items * size_of(rows.dtype()) : 0);
  std::byte* to = out.bytes();
  for (const std::int64_t i : indices) {
    if (i < 0 || i >= items) fail(ErrorCode::axis, "items_at", "item {} of {}", i, items);
    std::memcpy(to, rows.bytes() + static_cast<std::size_t>(i) * bytes, bytes);
    to += bytes;
  }
  return out;
}

Loader::Loader(const Tensors& data, LoaderOptions options)
    : options_(std::move(options)), items_(data.empty() ? 0 : data[0].size(0)) {
  for (const Tensor& part : data) {
    if (part.rank() == 0 || part.size(0) != items_)
      fail(ErrorCode::shape, "loader", "a part is {}, the first one has {} items", part.shape(),
           items_);
    data_.push_back(part.contiguous());
  }
  if (options_.batch_size < 1 || steps_per_epoch() < 1 || options_.prefetch < 0)
    fail(ErrorCode::value, "loader", "{} items in batches of {}, {} of them ahead", items_,
         options_.batch_size, options_.prefetch);
}

std::int64_t Loader::steps_per_epoch() const {
  const std::int64_t size = options_.batch_size;
  return options_.drop_last ? items_ / size : items_ / size + (items_ % size != 0);
}

Position Loader::after(Position p) const {
  return p.step + 1 < steps_per_epoch() ? Position{p.epoch, p.step + 1} : Position{p.epoch + 1, 0};
}

philox::Key Loader::epoch_key(std::int64_t epoch) const {
  return philox::fold_in(options_.key, static_cast<std::uint64_t>(epoch));
}

Batch Loader::make(Position p) {
  if (p.epoch != ordered_epoch_) {
    order_ = options_.shuffle ? permutation(epoch_key(p.epoch), items_)
                              : Tensor::arange(items_).to_vector<std::int64_t>();
    ordered_epoch_ = p.epoch;
  }
  const std::int64_t first = p.step * options_.batch_size;
  const auto count = static_cast<std::size_t>(std::min(options_.batch_size, items_ - first));
  const auto indices = std::span(order_).subspan(static_cast<std::size_t>(first), count);
  Batch batch{{}, p};
  for (const Tensor& part : data_) batch.parts.push_back(items_at(part, indices));
  if (!options_.augment) return batch;
  const philox::Key key = philox::child(epoch_key(p.epoch), 0);
  for (std::size_t i = 0; i < count; ++i)
    options_.augment(batch.parts[0].select(0, static_cast<std::int64_t>(i)),
                     philox::fold_in(key, static_cast<std::uint64_t>(indices[i])));
  return batch;
}

Batch Loader::next() {
  if (options_.prefetch > 0 && !ahead_)
    ahead_ = std::make_unique<Ahead<Batch>>(
        [this, p = position_]() mutable { return make(std::exchange(p, after(p))); },
        static_cast<std::size_t>(options_.prefetch));
  Batch batch = ahead_ ? ahead_->take() : make(position_);
  position_ = after(position_);
  return batch;
}

void Loader::seek(Position position) {
  if (position.epoch < 0 || position.step < 0 || position.step >= steps_per_epoch())
    fail(ErrorCode::value, "loader", "there is no batch {} in epoch {}, of {}", position.step,
         position.epoch, steps_per_epoch());
  ahead_.reset();
  position_ = position;
}

void Loader::reseed(philox::Key key) {
  ahead_.reset();
  options_.key = key;
  ordered_epoch_ = -1;
  position_ = {};
}

}  // namespace sonde::experiments
