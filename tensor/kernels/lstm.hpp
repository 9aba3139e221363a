/// @file
/// Kernel slots of the LSTM: one step, and all steps in one kernel. Gates are in PyTorch's order i,
/// f, g, o.
#pragma once

#include <array>

#include "tensor/kernel.hpp"
#include "tensor/tensor.hpp"

namespace sonde::kernels {

/// One step from the pre-activations a [..., 4H] and the cell c [..., H]: {h, c', gates [..., 4H]},
/// where i, f, o = sigmoid, g = tanh of a's quarters, c' = f c + i g, h = o tanh(c').
using LstmCell = std::array<Tensor, 3>(const Tensor& a, const Tensor& c);
inline Kernel<LstmCell> lstm_cell{"lstm_cell"};

/// {da, dc} from the gates, the cells before and after the step, and the cotangents of h and of the
/// new cell.
struct LstmCellSaved {
  Tensor gates, before, after;
};
using LstmCellGrad = std::array<Tensor, 2>(const LstmCellSaved& saved, const Tensor& dh,
                                           const Tensor& dc);
inline Kernel<LstmCellGrad> lstm_cell_grad{"lstm_cell_grad"};

/// x [T, lanes, B, I], h0 and c0 [lanes, B, H], w_ih [lanes, 4H, I], w_hh [lanes, 4H, H], bias
/// [lanes, 4H]. Weights that all lanes share have stride 0 there, and are then packed once.
struct LstmInputs {
  Tensor x, h0, c0, w_ih, w_hh, bias;
};
/// y [T, lanes, B, H]; the last h and c [lanes, B, H]; and, for the backward pass, the gates [T,
/// lanes, B, 4H] and cells [T, lanes, B, H] of all steps (empty unless kept).
struct LstmOutputs {
  Tensor y, h, c, gates, cells;
};
using LstmForward = LstmOutputs(const LstmInputs& in, bool keep);
inline Kernel<LstmForward> lstm{"lstm"};

/// Cotangents of all six inputs (those of the weights per lane) from those of y and of the last h
/// and c.
struct LstmCotangents {
  Tensor y, h, c;
};
using LstmBackward = LstmInputs(const LstmInputs& in, const LstmOutputs& out,
                                const LstmCotangents& ct);
inline Kernel<LstmBackward> lstm_grad{"lstm_grad"};

}  // namespace sonde::kernels
