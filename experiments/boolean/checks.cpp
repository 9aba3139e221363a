#include "experiments/boolean/checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "analysis/blowup.hpp"
#include "analysis/boolean.hpp"
#include "analysis/sharpness.hpp"
#include "analysis/statistics.hpp"
#include "autograd/ops.hpp"
#include "experiments/boolean/encoder.hpp"
#include "experiments/common/key_tensor.hpp"

namespace sonde::experiments {
namespace {

constexpr double rounding = 1e-12;
constexpr std::int64_t table_bits = 10;

double relative(double found, double expected) {
  return found == expected ? 0 : std::abs(found - expected) / std::abs(expected);
}

// Of f64 [2^n]: counted where there are two values, else the squared changes.
double by_flips(const Tensor& values, bool boolean) {
  const std::vector<double> table = values.to_vector<double>();
  if (boolean) return average_sensitivity(std::vector<std::int64_t>(table.begin(), table.end()));
  double sum = 0;
  for (std::int64_t bit = 1; bit < values.numel(); bit *= 2) {
    const Var halves = reshape(values, {-1, 2, bit});
    sum += mean(square(select(halves, 1, 0) - select(halves, 1, 1))).item();
  }
  return sum;
}

Claim exact_check(const char* id, const char* statement, const std::string& criterion,
                  double greatest, std::int64_t items, double bound) {
  return check(id, statement, criterion, Estimate::exact(greatest, 1, items), greatest <= bound);
}

template <class F>
double greatest(const std::vector<FunctionFound>& found, F f) {
  double out = 0;
  for (const FunctionFound& one : found) out = std::max(out, f(one));
  return out;
}

Function half_square(const Tensor& a) {
  return [a](const Vars& x) { return make_vars(sum(square(matmul(Var(a), x[0]))) * 0.5); };
}

double rise(const Function& loss, const Point& at, const Tensor& step) {
  const auto value = [&](const Var& x) { return loss(make_vars(x))[0].item(); };
  return value(at.values[0] + step) - value(at.values[0]);
}

// Tokens of 8 features whose standard deviation is `deviations`, [inputs, tokens]: mean 1, and as
// many features above it as below.
Tensor tokens_of(const Tensor& deviations) {
  const Tensor signs = Tensor::from<double>({1, -1, 1, 1, -1, -1, 1, -1}, {8});
  return (unsqueeze(Var(deviations), 2) * signs + 1.0).tensor();
}

}  // namespace

FunctionFound function_found(const Target& target, std::int64_t bits) {
  const Tensor values = all_labels(target, bits).to(DType::f64);
  const Var signs = Var(values) * 2 - 1;
  FunctionFound f{.function = target.name,
                  .bits = bits,
                  .boolean = all(eq(square(Var(values)), values)).item() != 0,
                  .closed_form = target.average_sensitivity(bits),
                  .squares = mean(square(signs)).item()};
  f.by_flips = by_flips(values, f.boolean);
  const std::vector<double> profile = degree_profile(
      fourier_coefficients(std::span<const double>(signs.tensor().to_vector<double>())));
  for (std::size_t k = 0; k < profile.size(); ++k) {
    f.weights += profile[k];
    f.by_transform += static_cast<double>(k) * profile[k];
  }
  return f;
}

std::vector<Claim> function_claims(const std::vector<FunctionFound>& found) {
  if (found.empty()) fail(ErrorCode::value, "function_claims", "there is no function");
  const auto n = static_cast<std::int64_t>(found.size());
  const auto from_closed_form = [&](bool boolean) {
    return greatest(found, [&](const auto& f) {
      return f.boolean == boolean ? relative(f.by_flips, f.closed_form) : 0;
    });
  };
  return {
      exact_check(
          "flips", "Average sensitivity by flipping bits is that by the Walsh-Hadamard transform",
          "greatest relative difference over functions and lengths <= 1e-12",
          greatest(found, [](const auto& f) { return relative(f.by_transform, f.by_flips); }), n,
          rounding),
      exact_check("closed-form", "Average sensitivity of Boolean functions is their closed form's",
                  "greatest relative difference over functions and lengths <= 1e-12",
                  from_closed_form(true), n, rounding),
      exact_check("closed-form-mean", "That of the mean is 1 / n",
                  "greatest relative difference over lengths <= 1e-6: its labels have 32 bits",
                  from_closed_form(false), n, 1e-6),
      exact_check("weights", "Fourier weights sum to the mean square: 1 for values -1 and 1",
                  "greatest difference over functions and lengths <= 1e-12, and the mean square of "
                  "Boolean functions is 1",
                  greatest(found,
                           [](const auto& f) {
                             return std::max(std::abs(f.weights - f.squares),
                                             f.boolean ? std::abs(f.squares - 1) : 0);
                           }),
                  n, rounding)};
}

std::vector<double> random_sensitivities(std::int64_t tables, std::uint64_t seed) {
  std::vector<double> out;
  for (std::int64_t i = 0; i < tables; ++i)
    out.push_back(random_target(table_bits, {seed, static_cast<std::uint64_t>(i)})
                      .average_sensitivity(table_bits));
  return out;
}

Claim random_claim(const std::vector<double>& sensitivities) {
  constexpr double within = 0.1, expected = table_bits / 2.0;
  const Estimate mean = mean_over_units(sensitivities);
  const Interval at = mean.ci95.value_or(Interval{-HUGE_VAL, HUGE_VAL});
  return check(
      "random", fmt::format("A random function of {} bits has n / 2 on average", table_bits),
      fmt::format("the 95 % interval of the mean over {} tables lies within {:g} of {:g}; a "
                  "table's standard deviation is sqrt(n / 2^(n+1)) = 0.070",
                  sensitivities.size(), within, expected),
      mean, at.low >= expected - within && at.high <= expected + within);
}

Claim every_function_claim() {
  constexpr std::uint32_t bits = 4, rows = 1u << bits, tables = 1u << rows;
  std::vector<std::int64_t> table(rows);
  double sum = 0;
  for (std::uint32_t code = 0; code < tables; ++code) {
    for (std::uint32_t row = 0; row < rows; ++row) table[row] = (code >> row & 1) != 0 ? 1 : -1;
    sum += total_influence(fourier_coefficients(std::span<const std::int64_t>(table)));
  }
  return exact_check(
      "every-function", "Over all 65 536 functions of 4 bits the mean average sensitivity is 2",
      "the mean's difference from n / 2 is 0", std::abs(sum / tables - bits / 2.0), tables, 0);
}

SharpnessFound sharpness_found(double radius, std::int64_t draws, std::uint64_t seed) {
  constexpr std::int64_t p = 64, outputs = 48;
  const Tensor a = normal(random_key({seed, 1}), {outputs, p}, 0, 1, DType::f64).tensor();
  const Point minimum = Point::of(make_vars(Tensor::zeros({p}, DType::f64))),
              away = Point::of(make_vars(normal(random_key({seed, 2}), {p}, 0, 1, DType::f64)));
  const Function loss = half_square(a);
  const double scale = radius * radius / (2 * p), trace = sum(square(Var(a))).item();
  SharpnessFound f{.expected = scale * trace};

  // Rows of the transform of the unit vectors are orthogonal, of length 1 / sqrt(p).
  const Tensor directions = walsh_hadamard(Tensor::eye(p, DType::f64));
  for (std::int64_t i = 0; i < p; ++i)
    for (const double sign : {1.0, -1.0}) {
      const Var step = select(Var(directions), 0, i) * (sign * radius * std::sqrt(double{p}));
      f.orthogonal += rise(loss, away, step.tensor()) / (2 * p);
    }
  const ParameterNoise sphere{
      .law = NoiseLaw::sphere, .size = radius, .draws = draws, .key = {seed, 3}};
  const Estimate round = loss_sharpness(half_square(Tensor::eye(p, DType::f64)), minimum, sphere);
  f.round = std::max(relative(round.value / (scale * p), 1),
                     round.std_error.value_or(HUGE_VAL) / (scale * p));
  f.sphere = loss_sharpness(loss, minimum, sphere);
  f.gaussian = loss_sharpness(
      loss, minimum, {.size = radius / std::sqrt(double{p}), .draws = draws, .key = {seed, 4}});
  const Function outputs_at = [a](const Vars& x) {
    return make_vars(unsqueeze(matmul(Var(a), x[0]), 0));
  };
  f.outputs =
      relative(output_sharpness(outputs_at, minimum, sphere).squared.value / f.sphere.value, 2);
  return f;
}

std::vector<Claim> sharpness_claims(const SharpnessFound& f) {
  constexpr double errors = 5;
  const auto sampled = [&](const char* id, const char* law, const Estimate& e) {
    return check(
        id, fmt::format("Sharpness of a quadratic loss by {} is rho^2 tr(H) / (2 p)", law),
        fmt::format("the mean over {} draws differs from it by at most {:g} of its standard "
                    "errors (by chance one seed in a million fails)",
                    e.n, errors),
        e,
        e.std_error && std::abs(e.value - f.expected) <= errors * *e.std_error &&
            *e.std_error < 0.1 * f.expected);
  };
  return {
      exact_check("sphere", "Sharpness of a quadratic loss is rho^2 tr(H) / (2 p)",
                  "relative difference of the mean over an orthogonal set of directions and "
                  "their opposites, away from the minimum, <= 1e-12",
                  relative(f.orthogonal / f.expected, 1), 128, rounding),
      exact_check("sphere-draws", "Draws of the sphere have its radius",
                  "relative error of the mean and standard error of draws for the loss |x|^2 / "
                  "2, whose sharpness is rho^2 / 2 in every direction, <= 1e-12",
                  f.round, f.sphere.n, rounding),
      sampled("sphere-sampled", "random directions of a sphere", f.sphere),
      sampled("gaussian-sampled", "Gaussian noise of standard deviation rho / sqrt(p)", f.gaussian),
      exact_check("outputs", "At a loss of 0 both kinds of sharpness agree draw by draw",
                  "relative difference between the outputs' squared change and twice the rise "
                  "of half their square <= 1e-12",
                  f.outputs, f.sphere.n, rounding)};
}

std::vector<Claim> blowup_claims() {
  // [inputs, tokens] of two norms; the second is read at its last token alone by the code.
  const Tensor first = Tensor::from<double>({0.5, 2, 1, 4, 0.25, 3}, {2, 3}),
               second = Tensor::from<double>({0.1, 0.2, 0.5, 1, 2, 8}, {2, 3});
  const TappedValues entering{{"norm1.in", tokens_of(first)}, {"norm2.in", tokens_of(second)}};
  constexpr double eps = 0.01;
  const double unbiased = std::sqrt(8.0 / 7);
  const auto stretch = [&](double deviation) {
    return 1 + 1 / std::hypot(deviation, std::sqrt(eps));
  };
  const Sample theory = layer_norm_blowup(entering, {.eps = eps}),
               code = layer_norm_blowup(entering,
                                        {.form = BlowupForm::measured, .read_at_last_token = 1}),
               theory_expected{stretch(0.5) * stretch(0.1), stretch(0.25) * stretch(1)},
               code_expected{1 / (0.5 * 0.5 * unbiased * unbiased),
                             1 / (0.25 * 8 * unbiased * unbiased)};
  const auto difference = [](const Sample& found, const Sample& expected) {
    double out = 0;
    for (std::size_t i = 0; i < expected.size(); ++i)
      out = std::max(out, relative(found.at(i) / expected[i], 1));
    return out;
  };
  const char* criterion = "greatest relative difference over two inputs <= 1e-12";
  return {exact_check("blowup-theory",
                      "Blow-up of two norms by the theory is the product of the greatest 1 + 1 / "
                      "sqrt(var + eps) of their tokens",
                      criterion, difference(theory, theory_expected), 2, rounding),
          exact_check("blowup-code",
                      "Blow-up by the authors' code has the unbiased deviation, no eps, and of the "
                      "last norm the last token alone",
                      criterion, difference(code, code_expected), 2, rounding)};
}

Claim size_claim() {
  const struct {
    std::int64_t width, parameters;
  } published[] = {{4, 281}, {32, 12993}, {128, 199425}};
  std::int64_t wrong = 0;
  for (const auto& [width, parameters] : published) {
    BitEncoder net({1, 0}, {.width = width});
    net.freeze(BitEncoder::positions);
    wrong += ParameterPoint(net).space.size() != parameters;
  }
  return exact_check("parameters", "The network has the authors' number of parameters",
                     "281, 12 993 and 199 425 beside positions for d = 4, 32 and 128; the value "
                     "counts those that differ",
                     static_cast<double>(wrong), 3, 0);
}

Table table_of(const std::vector<FunctionFound>& found) {
  Table table{.columns = {"function", "bits", "closed_form", "by_transform", "by_flips", "weights",
                          "mean_square"}};
  for (const FunctionFound& f : found) {
    std::vector<std::string> row{f.function, std::to_string(f.bits)};
    for (const double v : {f.closed_form, f.by_transform, f.by_flips, f.weights, f.squares})
      row.push_back(csv_number(v));
    table.add(std::move(row));
  }
  return table;
}

CaptionedFigure sensitivity_figure(const std::vector<FunctionFound>& found, std::int64_t longest) {
  Figure f("sensitivity", "Average sensitivity by length", {.label = "bits n"},
           {.label = "average sensitivity; floor of sharpness", .log = true});
  std::vector<std::string> names = target_names();
  names.emplace_back("random");
  f.colour_order(names);
  const auto line = [&](const std::string& label, const auto& of) {
    std::vector<double> x, y;
    for (std::int64_t n = 1; n <= longest; ++n) {
      x.push_back(static_cast<double>(n));
      y.push_back(of(n));
    }
    f.line(label, x, y);
  };
  for (const std::string& name : names) {
    const auto sensitivity = [&](std::int64_t n) { return average_sensitivity_of(name, n); };
    std::vector<double> x, y;
    for (const FunctionFound& one : found)
      if (one.function == name) {
        x.push_back(static_cast<double>(one.bits));
        y.push_back(one.by_flips);
      }
    line(name, sensitivity);
    f.scatter(name, x, y);
    if (name == "parity" || name == "majority")
      line("floor, " + name,
           [&](std::int64_t n) { return sensitivity(n) / (2 * static_cast<double>(n)); });
  }
  line("sqrt(2 n / pi)",
       [](std::int64_t n) { return std::sqrt(2 * static_cast<double>(n) / std::numbers::pi); });
  return {
      std::move(f),
      "Closed forms (lines; n / 2 is a random function's mean) and counts over all strings "
      "(points). A majority's tie is 0: even lengths lie a little below the odd ones' curve. The "
      "floors, as_n / (2 n), bound the sharpness of transformers that compute PARITY and "
      "MAJORITY at long lengths."};
}

}  // namespace sonde::experiments
