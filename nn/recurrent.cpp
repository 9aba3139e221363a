#include "nn/recurrent.hpp"

#include <cmath>
#include <optional>

#include "autograd/ops.hpp"
#include "nn/init.hpp"

namespace sonde::nn {
namespace {

constexpr std::string_view op = "recurrent";

void want(const Var& x, const Dims& shape, DType dtype, std::string_view what) {
  if (!(x.shape() == shape) || x.dtype() != dtype)
    fail(ErrorCode::shape, op, "{} is {}, not {}{}", what, x.spec(), dtype, shape);
}

bool under_vmap(const Var& v) {
  for (const Box* box = as_box(v); box; box = as_box(box->value))
    if (box->transform == TransformKind::batch) return true;
  return false;
}

void check_lengths(const Var& lengths, std::int64_t steps, std::int64_t batch) {
  if (!(lengths.shape() == Dims{batch}) || is_differentiable(lengths.dtype()) ||
      lengths.dtype() == DType::boolean)
    fail(ErrorCode::shape, op, "lengths {} are not integers [{}]", lengths.spec(), batch);
  if (under_vmap(lengths)) return;  // the gather below finds them
  const auto values = lengths.primal().to(DType::i64).to_vector<std::int64_t>();
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i] < 1 || values[i] > steps)
      fail_hint(ErrorCode::value, op, "drop empty sequences before",
                "length {} of sequence {} is not in 1 .. {}", values[i], i, steps);
}

// Rows of x [T, B, n] by their numbers in T * B.
Var rows(const Var& x, const Var& index) {
  return take(reshape(x, {checked_mul(x.size(0), x.size(1)), x.size(2)}), index, 0);
}

Vars parts(const Var& state, std::size_t count) {
  if (state) return unstack(state, 0);
  Vars none;
  none.resize(count);
  return none;
}

}  // namespace

// Where the sequences of a batch end.
struct Recurrent::Padding {
  Var valid, beyond;  // [T, B, 1], bool
  Var last;           // [B]: the row of each last valid step
  Var reversed;  // [T * B]: the rows with each sequence in reverse, what lies beyond in its place

  // For x [T, B, ...].
  Padding(const Var& lengths, const Var& x) {
    const std::int64_t time = x.size(0), batch = x.size(1);
    const Var length = sonde::to(sonde::to(lengths, DType::i64), x.device()),
              lane = arange(batch, x.device());
    const Var t = unsqueeze(arange(time, x.device()), 1), inside = lt(t, length);
    valid = unsqueeze(inside, 2);
    beyond = logical_not(valid);
    last = add(mul(sub(length, 1), static_cast<double>(batch)), lane);
    const Var from = where(inside, sub(sub(length, 1), t), t);
    reversed = reshape(add(mul(from, static_cast<double>(batch)), lane), {time * batch});
  }
  Var reverse(const Var& x) const { return reshape(rows(x, reversed), x.shape()); }
};

Recurrent::Recurrent(std::string name, std::int64_t gates, std::int64_t input_size,
                     std::int64_t hidden_size, philox::Key key, Options options)
    : name_(std::move(name)),
      gates_(gates),
      inputs_(input_size),
      hidden_(hidden_size),
      options_(options) {
  if (input_size < 1 || hidden_size < 1 || options.num_layers < 1)
    fail(ErrorCode::value, op, "{} inputs, {} units, {} layers", input_size, hidden_size,
         options.num_layers);
  const std::int64_t directions = options.bidirectional ? 2 : 1;
  for (std::int64_t layer = 0; layer < options.num_layers; ++layer)
    for (std::int64_t d = 0; d < directions; ++d)
      add_cell(fmt::format("_l{}{}", layer, d == 0 ? "" : "_reverse"),
               layer == 0 ? input_size : directions * hidden_size,
               philox::child(key, cells_.size()));
  for (std::int64_t layer = 0; layer + 1 < options.num_layers; ++layer) {
    dropouts_.push_back(std::make_unique<Dropout>(options.dropout));
    child(fmt::format("dropout.{}", layer), *dropouts_.back());
  }
}

void Recurrent::add_cell(const std::string& suffix, std::int64_t inputs, philox::Key key) {
  const auto gates = checked_mul(gates_, hidden_);
  const double bound = 1 / std::sqrt(static_cast<double>(hidden_));
  std::uint64_t i = 0;
  auto add = [&](const char* name, const Dims& shape) {
    return parameter(name + suffix, uniform_init(shape, bound, philox::child(key, i++)));
  };
  Cell cell{add("weight_ih", {gates, inputs}), add("weight_hh", {gates, hidden_}), {}, {}};
  if (options_.bias) {
    cell.b_ih = add("bias_ih", {gates});
    cell.b_hh = add("bias_hh", {gates});
  }
  cells_.push_back(std::move(cell));
}

Var Recurrent::forward(Context& ctx, Var x) const {
  return evaluate(ctx, {.x = std::move(x)}).y;
}

RecurrentOutput Recurrent::run(Context& ctx, const RecurrentInputs& inputs) const {
  return within(ctx, [&] {
    RecurrentInputs in = inputs;
    in.x = ctx.tap(in.x, "in");
    RecurrentOutput out = evaluate(ctx, std::move(in));
    out.state.h = ctx.tap(out.state.h, "h");
    if (out.state.c) out.state.c = ctx.tap(out.state.c, "c");
    out.y = ctx.tap(out.y, "out");
    return out;
  });
}

RecurrentOutput Recurrent::evaluate(Context& ctx, RecurrentInputs in) const {
  const bool single = in.x.rank() == 2;
  if (single) {
    in.x = unsqueeze(in.x, 1);
    if (in.initial.h) in.initial.h = unsqueeze(in.initial.h, 1);
    if (in.initial.c) in.initial.c = unsqueeze(in.initial.c, 1);
    if (in.lengths) in.lengths = unsqueeze(in.lengths, 0);
  } else if (options_.batch_first && in.x.rank() == 3) {
    in.x = transpose(in.x, 0, 1);
  }
  check(in);
  std::optional<Padding> padding;
  if (in.lengths) {
    padding.emplace(in.lengths, in.x);
    in.x = where(padding->valid, in.x, 0.0);
  }

  const std::size_t directions = options_.bidirectional ? 2 : 1;
  const Vars h0 = parts(in.initial.h, cells_.size()), c0 = parts(in.initial.c, cells_.size());
  Vars h, c;
  for (std::size_t i = 0; i < cells_.size();) {
    if (i > 0) in.x = (*dropouts_[i / directions - 1])(ctx, in.x);
    Vars y;
    for (std::size_t d = 0; d < directions; ++d, ++i) {
      Steps s = one_way(in.x, {h0[i], c0[i]}, weights(ctx, cells_[i]), d == 1,
                        padding ? &*padding : nullptr);
      y.push_back(s.y);
      h.push_back(s.last.h);
      if (s.last.c) c.push_back(s.last.c);
    }
    in.x = directions == 1 ? y[0] : concat(y, 2);
  }
  if (padding) in.x = where(padding->valid, in.x, 0.0);

  RecurrentOutput out{in.x, {stack(h, 0), c.empty() ? Var() : stack(c, 0)}};
  if (single)
    for (Var* v : {&out.y, &out.state.h, &out.state.c})
      if (*v) *v = squeeze(*v, 1);
  if (!single && options_.batch_first) out.y = transpose(out.y, 0, 1);
  return out;
}

void Recurrent::check(const RecurrentInputs& in) const {
  if (in.x.rank() != 3 || in.x.size(0) < 1 || in.x.size(2) != inputs_)
    fail(ErrorCode::shape, op, "x {} is no sequence, or batch of sequences, of {} features",
         in.x.spec(), inputs_);
  const Dims state{static_cast<std::int64_t>(cells_.size()), in.x.size(1), hidden_};
  if (in.initial.h) want(in.initial.h, state, in.x.dtype(), "the initial h");
  if (in.initial.c) want(in.initial.c, state, in.x.dtype(), "the initial c");
  if (in.lengths) check_lengths(in.lengths, in.x.size(0), in.x.size(1));
}

LstmWeights Recurrent::weights(Context& ctx, const Cell& cell) const {
  auto value = [&](const Handle& handle) { return handle ? ctx[handle] : Var(); };
  return {value(cell.w_ih), value(cell.w_hh), value(cell.b_ih), value(cell.b_hh)};
}

Recurrent::Steps Recurrent::one_way(const Var& x, const LstmState& initial, const LstmWeights& w,
                                    bool reverse, const Padding* padding) const {
  if (!padding) {
    if (!reverse) return steps(x, initial, w, {});
    Steps s = steps(flip(x, {0}), initial, w, {});
    s.y = flip(s.y, {0});
    return s;
  }
  Steps s = steps(reverse ? padding->reverse(x) : x, initial, w, padding->beyond);
  s.last.h = rows(s.y, padding->last);
  if (reverse) s.y = padding->reverse(s.y);
  return s;
}

std::string Recurrent::description() const {
  return fmt::format("{}({}, {}, {} layer{}{})", name_, inputs_, hidden_, options_.num_layers,
                     options_.num_layers == 1 ? "" : "s",
                     options_.bidirectional ? ", bidirectional" : "");
}

Lstm::Lstm(std::int64_t input_size, std::int64_t hidden_size, philox::Key key, Options options)
    : Recurrent("Lstm", 4, input_size, hidden_size, key, options) {}

// Steps beyond the end see a further input, 1, whose weights shut the input gate and open the
// forget gate so wide that their sigmoids are 0 and 1 exactly: they keep the cells, and a padded
// batch stays one kernel.
Recurrent::Steps Lstm::steps(const Var& x, const LstmState& initial, const LstmWeights& w,
                             const Var& beyond) const {
  if (!beyond) {
    LstmSequence s = lstm(x, initial, w);
    return {s.y, s.state};
  }
  Vars gates;  // i, f, g, o
  for (const double wide : {-1e4, 1e4, 0.0, 0.0})
    gates.push_back(Tensor::full({hidden_size(), 1}, wide, x.dtype(), x.device()));
  LstmWeights holding = w;
  holding.w_ih = concat(make_vars(w.w_ih, concat(gates, 0)), 1);
  return steps(concat(make_vars(x, sonde::to(beyond, x.dtype())), 2), initial, holding, {});
}

Gru::Gru(std::int64_t input_size, std::int64_t hidden_size, philox::Key key, Options options)
    : Recurrent("Gru", 3, input_size, hidden_size, key, options) {}

// One product for all inputs, cut into steps by one primitive each, whose transpose is one stack.
Recurrent::Steps Gru::steps(const Var& x, const LstmState& initial, const LstmWeights& w,
                            const Var&) const {
  if (initial.c) fail(ErrorCode::value, "gru", "has no cells to begin with");
  const std::int64_t n = hidden_size();
  const Vars from_x = split(linear(x, w.w_ih, w.b_ih), {2 * n, n}, 2);
  const Vars gates = unstack(from_x[0], 0), news = unstack(from_x[1], 0);
  Var h = initial.h ? initial.h : Var(Tensor::zeros({x.size(1), n}, x.dtype(), x.device()));
  Vars y;
  for (std::size_t t = 0; t < gates.size(); ++t) {
    const Vars from_h = split(linear(h, w.w_hh, w.b_hh), {2 * n, n}, 1);
    const Vars rz = chunk(sigmoid(add(gates[t], from_h[0])), 2, 1);
    const Var candidate = tanh(add(news[t], mul(rz[0], from_h[1])));
    h = add(mul(sub(1.0, rz[1]), candidate), mul(rz[1], h));
    y.push_back(h);
  }
  return {stack(y, 0), {h, {}}};
}

}  // namespace sonde::nn
