/// @file
/// Recurrent layers over sequences: LSTM and GRU, with several layers, both directions and lengths.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "autograd/ops/lstm.hpp"
#include "nn/dropout.hpp"

namespace sonde::nn {

struct RecurrentOptions {
  std::int64_t num_layers = 1;
  bool bias = true;
  bool batch_first = false;    ///< [B, T, features] instead of [T, B, features]
  double dropout = 0;          ///< of the output of each layer but the last, in training
  bool bidirectional = false;  ///< each layer also runs from the end; outputs stand side by side
};

/// The state of every layer and direction, [num_layers * directions, B, hidden_size] (without B for
/// a single sequence), layer by layer, forward before backward.
struct RecurrentState {
  Var h, c;  ///< c: the LSTM's cells; empty for the GRU
};

/// What a recurrent layer is called with; shapes for batch_first = false.
struct RecurrentInputs {
  Var x;                     ///< [T, B, input_size], or [T, input_size] for a single sequence
  RecurrentState initial{};  ///< empty ones are zeros
  /// Integers [B] in 1 .. T ([] for a single sequence); empty: all T. What lies beyond is never
  /// looked at, as in PyTorch's packed sequences. They are checked on the host, so those that lie
  /// there spare a device's waiting.
  Var lengths{};
};

struct RecurrentOutput {
  Var y;  ///< h of the last layer, [T, B, directions * hidden_size]; 0 beyond a length
  RecurrentState state;  ///< after the last valid step; backward: after the first step
};

/// What Lstm and Gru share: parameters with PyTorch's names (weight_ih_l0, weight_hh_l0,
/// bias_ih_l0, bias_hh_l0, weight_ih_l0_reverse, ...), uniform in [-1, 1) / sqrt(hidden_size), and
/// the walk over layers and directions. Taps: "in" and "out"; with run also "h" and "c", the final
/// state.
class Recurrent : public Module {
 public:
  using Options = RecurrentOptions;

  /// run(ctx, {x}).y
  Var forward(Context& ctx, Var x) const override;
  /// Error(shape, dtype) for inputs that do not fit, Error(value) for a length outside 1 .. T;
  /// under vmap over lengths, Error(axis) by the kernel that meets it; Error(value) for cells given
  /// to a GRU.
  RecurrentOutput run(Context& ctx, const RecurrentInputs& inputs) const;
  std::string description() const override;

 protected:
  /// A layer in one direction: y [T, B, hidden_size] and the state after the last step, [B,
  /// hidden_size].
  struct Steps {
    Var y;
    LstmState last;
  };

  /// `gates`: how many hidden_size the rows of the weights are.
  Recurrent(std::string name, std::int64_t gates, std::int64_t input_size, std::int64_t hidden_size,
            philox::Key key, Options options);
  /// `beyond` [T, B, 1], bool, true at steps behind the end of a sequence; empty: there are none.
  /// y there is of no interest, nor is the last h; the last c is that of the last step before.
  virtual Steps steps(const Var& x, const LstmState& initial, const LstmWeights& weights,
                      const Var& beyond) const = 0;

  std::int64_t hidden_size() const { return hidden_; }

 private:
  struct Cell {
    Handle w_ih, w_hh, b_ih, b_hh;
  };
  struct Padding;

  void add_cell(const std::string& suffix, std::int64_t inputs, philox::Key key);
  RecurrentOutput evaluate(Context& ctx, RecurrentInputs in) const;
  void check(const RecurrentInputs& in) const;
  LstmWeights weights(Context& ctx, const Cell& cell) const;
  Steps one_way(const Var& x, const LstmState& initial, const LstmWeights& w, bool reverse,
                const Padding* padding) const;

  std::string name_;
  std::int64_t gates_, inputs_, hidden_;
  Options options_;
  std::vector<Cell> cells_;                         // by layer, forward before backward
  std::vector<std::unique_ptr<Dropout>> dropouts_;  // between layers
};

/// The LSTM (Hochreiter and Schmidhuber 1997; with forget gates, Gers et al. 2000), gates as in
/// autograd/ops/lstm.hpp. A layer in one direction is one kernel.
class Lstm final : public Recurrent {
 public:
  /// Error(value) for sizes that are not positive, or a dropout outside [0, 1].
  Lstm(std::int64_t input_size, std::int64_t hidden_size, philox::Key key, Options options = {});

 protected:
  Steps steps(const Var& x, const LstmState& initial, const LstmWeights& w,
              const Var& beyond) const override;
};

/// The GRU (Cho et al. 2014, arXiv:1406.1078) in PyTorch's form, where r is behind the product:
///   r, z = sigmoid of the first two thirds of x w_ih' + b_ih + h w_hh' + b_hh,
///   n = tanh(x w_in' + b_in + r (h w_hn' + b_hn)), h' = (1 - z) n + z h.
class Gru final : public Recurrent {
 public:
  /// Errors as Lstm.
  Gru(std::int64_t input_size, std::int64_t hidden_size, philox::Key key, Options options = {});

 protected:
  Steps steps(const Var& x, const LstmState& initial, const LstmWeights& w,
              const Var& beyond) const override;
};

}  // namespace sonde::nn
