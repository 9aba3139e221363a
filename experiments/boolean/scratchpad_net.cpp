#include "experiments/boolean/scratchpad_net.hpp"

#include <fmt/format.h>

#include "autograd/ops.hpp"
#include "experiments/boolean/placed.hpp"
#include "nn/init.hpp"
#include "nn/names.hpp"

namespace sonde::experiments {
namespace {

constexpr std::int64_t start = 2;  // the token before the first step

ScratchpadOptions checked(const ScratchpadOptions& o) {
  if (o.length < 1 || o.width < 2 || o.width % 2 != 0)
    fail(ErrorCode::value, "ScratchpadNet",
         "strings of {} bits, width {}: a positive number, an even one", o.length, o.width);
  return o;
}

nn::TransformerOptions transformer_options(const ScratchpadOptions& o) {
  return {.layer = {.dim_feedforward = o.width, .dropout = 0, .batch_first = true}, .norm = true};
}

}  // namespace

Tensor prefix_parities(const Tensor& strings) {
  return remainder(cumsum(tokens_of(strings), 1), 2).tensor();
}

ScratchpadNet::ScratchpadNet(philox::Key key, Options options)
    : options_(checked(options)),
      embedding_(3, options.width / 2, philox::child(key, 0)),
      positional_encoding_(options.length + 1, options.width / 2, philox::child(key, 1)),
      encoder_(options.width, options.heads, options.layers, philox::child(key, 2),
               transformer_options(options)),
      decoder_(options.width, options.heads, options.layers, philox::child(key, 3),
               transformer_options(options)),
      head_(options.width, 1, philox::child(key, 4)) {
  child("embedding", embedding_);
  child("positional_encoding", positional_encoding_);
  child("encoder", encoder_);
  child("decoder", decoder_);
  child("head", head_);
  std::uint64_t index = 0;
  for (const auto& [path, handle] : named_parameters())
    if (handle->value.rank() == 2 &&
        (nn::matches("encoder.*", path) || nn::matches("decoder.*", path)))
      handle->value =
          nn::xavier_uniform(handle->value.shape(), philox::child(philox::child(key, 5), index++));
}

Var ScratchpadNet::embed(nn::Context& ctx, const Var& tokens, const Var& places) const {
  const Var at = positional_encoding_(ctx, places);
  return concat({embedding_(ctx, tokens),
                 broadcast_to(at, {tokens.size(0), tokens.size(1), options_.width / 2})},
                2);
}

Var ScratchpadNet::read(nn::Context& ctx, const Var& strings) const {
  const Var bits = tokens_of(strings);
  if (bits.rank() != 2 || bits.size(1) < 1 || bits.size(1) > options_.length)
    fail(ErrorCode::shape, "ScratchpadNet", "takes [B, n] or [B, n, 2] with 1 to {} bits, not {}",
         options_.length, strings.shape());
  return encoder_(ctx, embed(ctx, bits, positions_of(strings)));
}

// The start stands at the position of the first bit, the parity of i bits i positions behind it.
Var ScratchpadNet::write(nn::Context& ctx, const Var& memory, const Var& strings,
                         const Var& written) const {
  const std::int64_t count = strings.size(0), steps = written.size(1) + 1;
  if (steps > strings.size(1) + 1)
    fail(ErrorCode::shape, "ScratchpadNet", "{} steps are written for strings {}", steps - 1,
         strings.shape());
  const Var places = positions_of(strings), first = slice(places, -1, 0, 1),
            tokens = concat({Tensor::full({count, 1}, start, DType::i64), written}, 1);
  const Var x = embed(ctx, tokens, add(first, Tensor::arange(steps)));
  const Var out = decoder_.decode(ctx, {.tgt = x, .memory = memory, .tgt_is_causal = true});
  return select(head_(ctx, out), 2, 0);
}

Var ScratchpadNet::forward(nn::Context& ctx, Var strings) const {
  const Var out = write(ctx, read(ctx, strings), strings, prefix_parities(strings.tensor()));
  return slice(out, 1, 0, strings.size(1));
}

Tensor ScratchpadNet::decode(const Tensor& strings) const {
  nn::Context ctx(*this, parameters());
  const Var memory = read(ctx, strings);
  Var written = Tensor::zeros({strings.size(0), 0}, DType::i64);
  for (std::int64_t step = 0; step < strings.size(1); ++step) {
    const Var next = slice(write(ctx, memory, strings, written), 1, step, step + 1);
    written = concat({written, sonde::to(gt(next, 0.5), DType::i64)}, 1);
  }
  return written.tensor();
}

std::string ScratchpadNet::description() const {
  return fmt::format("ScratchpadNet({} bits, width {})", options_.length, options_.width);
}

}  // namespace sonde::experiments
