#include "experiments/boolean/target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "analysis/boolean.hpp"
#include "autograd/ops.hpp"
#include "experiments/common/key_tensor.hpp"
#include "nn/names.hpp"

namespace sonde::experiments {
namespace {

Tensor as_labels(const Var& v) {
  return to(v, DType::f32).tensor();
}

Var ones_in(const Tensor& bits) {
  return sum(Var(bits), {1});
}

Var odd(const Var& count) {
  return remainder(count, 2);
}

// Bits that decide a majority: those of strings on the edge, C(n, floor(n / 2)) of them for an even
// n, where the tie is 0 and only its neighbours above differ.
double majority_sensitivity(std::int64_t n) {
  const auto count = static_cast<double>(n);
  const auto log_binomial = [](double m, double k) {
    return std::lgamma(m + 1) - std::lgamma(k + 1) - std::lgamma(m - k + 1);
  };
  const bool even = n % 2 == 0;
  const double edge = even ? log_binomial(count, count / 2)
                           : log_binomial(count - 1, (count - 1) / 2) + std::numbers::ln2;
  return count * std::exp(edge - count * std::numbers::ln2);
}

const std::vector<Target>& targets() {
  static const std::vector<Target> all{
      {"parity", [](const Tensor& b) { return as_labels(odd(ones_in(b))); },
       [](std::int64_t n) { return static_cast<double>(n); }},
      {"majority", [](const Tensor& b) { return as_labels(gt(ones_in(b) * 2, b.size(1))); },
       majority_sensitivity},
      {"first", [](const Tensor& b) { return as_labels(select(Var(b), 1, 0)); },
       [](std::int64_t) { return 1.0; }},
      {"mean", [](const Tensor& b) { return mean(to(Var(b), DType::f32), {1}).tensor(); },
       [](std::int64_t n) { return 1.0 / static_cast<double>(n); }}};
  return all;
}

// The parity of the first k bits, or of all where there are fewer.
Target sparse(std::int64_t k) {
  return {fmt::format("sparse-{}", k),
          [k](const Tensor& b) {
            return as_labels(odd(ones_in(slice(Var(b), 1, 0, std::min(k, b.size(1))).tensor())));
          },
          [k](std::int64_t n) { return static_cast<double>(std::min(k, n)); }};
}

const std::vector<Target>& sparse_targets() {
  static const std::vector<Target> all{sparse(2), sparse(3), sparse(4)};
  return all;
}

std::vector<std::string> names_of(const std::vector<Target>& all) {
  std::vector<std::string> out;
  for (const Target& t : all) out.push_back(t.name);
  return out;
}

// How many there are of n bits.
std::int64_t strings_of(std::int64_t n) {
  if (n < 1 || n > max_cube_dimension)
    fail(ErrorCode::value, "all_strings", "strings of {} bits; 1 to {} are possible", n,
         max_cube_dimension);
  return std::int64_t{1} << n;
}

// The row of each string in a table.
Var rows_of(const Tensor& bits) {
  std::vector<std::int64_t> weights;
  for (std::int64_t i = bits.size(1); i-- > 0;) weights.push_back(std::int64_t{1} << i);
  return sum(Var(bits) * Tensor::from<std::int64_t>(weights, {bits.size(1)}), {1});
}

// Those of rows [begin, end) of all_strings().
Tensor strings_in(std::int64_t n, std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> bits;
  bits.reserve(static_cast<std::size_t>((end - begin) * n));
  for (std::int64_t row = begin; row < end; ++row)
    for (std::int64_t i = n; i-- > 0;) bits.push_back(row >> i & 1);
  return Tensor::from<std::int64_t>(bits, {end - begin, n});
}

}  // namespace

const std::vector<std::string>& target_names() {
  static const std::vector<std::string> names = names_of(targets());
  return names;
}

const std::vector<std::string>& all_target_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out = target_names();
    std::ranges::copy(names_of(sparse_targets()), std::back_inserter(out));
    out.emplace_back(random_name);
    return out;
  }();
  return names;
}

Target target(const std::string& name) {
  for (const std::vector<Target>* all : {&targets(), &sparse_targets()})
    if (const auto found = std::ranges::find(*all, name, &Target::name); found != all->end())
      return *found;
  fail_hint(ErrorCode::names, "target",
            fmt::format("did you mean '{}'?", nn::nearest(name, target_names())),
            "there is no '{}'", name);
}

double average_sensitivity_of(const std::string& name, std::int64_t n) {
  return name == random_name ? static_cast<double>(n) / 2 : target(name).average_sensitivity(n);
}

Tensor random_table(std::int64_t n, philox::Key key) {
  return randint(random_key(key), {strings_of(n)}, 0, 2, DType::i64).tensor();
}

Target random_target(std::int64_t n, philox::Key key) {
  return table_target(random_name, random_table(n, key));
}

Target table_target(std::string name, const Tensor& table) {
  const auto rows = static_cast<std::uint64_t>(table.rank() == 1 ? table.size(0) : 0);
  if (rows < 2 || !std::has_single_bit(rows))
    fail(ErrorCode::shape, "table_target", "a table has 2^n rows, not {}", table.shape());
  const double sensitivity = average_sensitivity_of_values(to(table, DType::f64).tensor());
  const std::int64_t bits_of_row = std::countr_zero(rows);
  return {std::move(name),
          [table, bits_of_row](const Tensor& b) {
            if (b.size(1) != bits_of_row)
              fail(ErrorCode::shape, "table_target", "strings have {} bits, the table is for {}",
                   b.size(1), bits_of_row);
            return as_labels(take(table, rows_of(b), 0));
          },
          [sensitivity](std::int64_t) { return sensitivity; }};
}

Tensor all_strings(std::int64_t n) {
  return strings_in(n, 0, strings_of(n));
}

Tensor all_labels(const Target& target, std::int64_t n) {
  constexpr std::int64_t at_once = 1 << 14;  // strings of 20 bits would fill 160 MiB
  const std::int64_t rows = strings_of(n);
  Tensor out = Tensor::empty({rows});
  for (std::int64_t begin = 0; begin < rows; begin += at_once) {
    const std::int64_t end = std::min(begin + at_once, rows);
    out.slice(0, begin, end).copy_from(target.labels(strings_in(n, begin, end)));
  }
  return out;
}

double average_sensitivity_of_values(const Tensor& values) {
  const Tensor signed_values = (to(Var(values), DType::f64) * 2 - 1).tensor();
  return total_influence(
      fourier_coefficients(std::span<const double>(signed_values.to_vector<double>())));
}

}  // namespace sonde::experiments
