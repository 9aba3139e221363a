#include "nn/models/lstm_classifier.hpp"

#include "autograd/ops.hpp"

namespace sonde::nn {

LstmClassifier::LstmClassifier(const ImageSpec& spec, philox::Key key, Options options)
    : options_(options),
      lstm_(spec.channels * options.patch[0] * options.patch[1], options.hidden,
            philox::child(key, 0),
            {.num_layers = options.layers,
             .batch_first = true,
             .dropout = options.dropout,
             .bidirectional = options.bidirectional}),
      fc_(options.hidden * (options.bidirectional ? 2 : 1), spec.classes, philox::child(key, 1)) {
  child("lstm", lstm_);
  child("fc", fc_);
}

Var LstmClassifier::forward(Context& ctx, Var x) const {
  const Var h = lstm_.run(ctx, {.x = patches(x, options_.patch)}).state.h;
  const Var last = select(h, 0, h.size(0) - 1);
  if (!options_.bidirectional) return fc_(ctx, last);
  return fc_(ctx, concat({select(h, 0, h.size(0) - 2), last}, 1));
}

}  // namespace sonde::nn
