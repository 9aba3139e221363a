#include "experiments/boolean/encoder.hpp"

#include <fmt/format.h>

#include "autograd/ops.hpp"
#include "experiments/boolean/placed.hpp"

namespace sonde::experiments {
namespace {

BitEncoderOptions checked(const BitEncoderOptions& o) {
  if (o.length < 1 || o.width < 2 || o.width % 2 != 0)
    fail(ErrorCode::value, "BitEncoder",
         "strings of {} bits, width {}: a positive number, an even one", o.length, o.width);
  return o;
}

}  // namespace

BitEncoder::BitEncoder(philox::Key key, Options options)
    : options_(checked(options)),
      embedding_(2, options.width / 2, philox::child(key, 0)),
      positional_encoding_(options.length, options.width / 2, philox::child(key, 1)),
      encoder_(options.width, options.heads, options.layers, philox::child(key, 2),
               {.layer = {.dim_feedforward = options.width, .dropout = 0, .batch_first = true}}),
      head_(options.width, 1, philox::child(key, 3)) {
  child("embedding", embedding_);
  child("positional_encoding", positional_encoding_);
  child("encoder", encoder_);
  child("head", head_);
}

Var BitEncoder::forward(nn::Context& ctx, Var strings) const {
  const Var bits = tokens_of(strings);
  if (bits.rank() != 2 || bits.size(1) < 1 || bits.size(1) > options_.length)
    fail(ErrorCode::shape, "BitEncoder", "takes [B, n] or [B, n, 2] with 1 to {} bits, not {}",
         options_.length, strings.shape());
  const std::int64_t count = bits.size(0), n = bits.size(1), half = options_.width / 2;
  const Var places = positional_encoding_(ctx, positions_of(strings)),
            tokens = concat({embedding_(ctx, bits), broadcast_to(places, {count, n, half})}, 2);
  const Var last = select(encoder_(ctx, tokens), 1, n - 1);
  return select(head_(ctx, last), 1, 0);
}

std::string BitEncoder::description() const {
  return fmt::format("BitEncoder({} bits, width {})", options_.length, options_.width);
}

}  // namespace sonde::experiments
