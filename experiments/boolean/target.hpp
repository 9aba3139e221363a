/// @file
/// Functions of bit strings that networks are trained on. Bits are 0 and 1, as their authors have
/// them; sensitivities are those of the function with values -1 and 1.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tensor/philox.hpp"
#include "tensor/tensor.hpp"

namespace sonde::experiments {

struct Target {
  std::string name;
  /// Of strings i64 [B, n]: f32 [B], 0 or 1, but for the mean.
  std::function<Tensor(const Tensor& bits)> labels;
  /// Average sensitivity on strings of n bits, in closed form: for a function with values in [0, 1]
  /// the mean over strings of the sum over bits of its squared change.
  std::function<double(std::int64_t n)> average_sensitivity;
};

/// "parity" (n), "majority" (a tie is 0; about sqrt(2 n / pi)), "first" (the first bit; 1), "mean"
/// (the share of ones, a number; 1 / n): the targets of Hahn and Rofin (arXiv:2402.09963), in
/// brackets their average sensitivities.
const std::vector<std::string>& target_names();
/// These, "sparse-2" to "sparse-4" (the parity of the first k bits; k) and random_name: which
/// studies can learn.
const std::vector<std::string>& all_target_names();
/// A function by its name; Error(names) for another name, and for random_name, as random functions
/// are many: random_target().
Target target(const std::string& name);
/// Of strings of n bits; that of random_name is the mean over functions, n / 2.
double average_sensitivity_of(const std::string& name, std::int64_t n);
inline constexpr const char* random_name = "random";
/// Random bits i64 [2^n]; Error(value) unless 1 <= n <= max_cube_dimension.
Tensor random_table(std::int64_t n, philox::Key key);
/// Such a table for strings of n bits; the first bit of a string is the most significant one of its
/// row. n / 2 on average.
Target random_target(std::int64_t n, philox::Key key);
/// A given table, of values 0 and 1, [2^n].
Target table_target(std::string name, const Tensor& table);

/// All strings of n bits, i64 [2^n, n], in the order of table_target()'s rows. Error(value) unless
/// 1 <= n <= max_cube_dimension.
Tensor all_strings(std::int64_t n);
/// The labels of all of them, f32 [2^n]. Error(value) as above.
Tensor all_labels(const Target& target, std::int64_t n);
/// Average sensitivity of values [2^n] in that order, as in Target. Error(shape).
double average_sensitivity_of_values(const Tensor& values);

}  // namespace sonde::experiments
