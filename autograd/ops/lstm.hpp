/// @file
/// The LSTM (Hochreiter and Schmidhuber 1997), one step and all steps. Weights as PyTorch has them:
/// w_ih [4H, I], w_hh [4H, H], b_ih and b_hh [4H] (either may be an empty Var), gates in the order
/// i, f, g, o:
///   i, f, o = sigmoid, g = tanh of the quarters of x w_ih' + b_ih + h w_hh' + b_hh; c' = f c + i
///   g; h' = o tanh(c').
#pragma once

#include "autograd/primitive.hpp"

namespace sonde {

struct LstmWeights {
  Var w_ih, w_hh, b_ih, b_hh;
};

struct LstmState {
  Var h, c;  ///< [B, H]
};

/// One step of x [B, I] from `state`. Error(shape, dtype).
LstmState lstm_cell(Operand x, const LstmState& state, const LstmWeights& weights);

struct LstmSequence {
  Var y;            ///< h of every step, [T, B, H]
  LstmState state;  ///< after the last step
};

/// All steps of x [T, B, I]; an empty initial h or c is zeros. One kernel forward, one backward.
/// Error(shape, dtype).
LstmSequence lstm(Operand x, const LstmState& initial, const LstmWeights& weights);

}  // namespace sonde
