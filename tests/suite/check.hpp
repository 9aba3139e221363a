/// @file
/// The checks that tests/suite runs on every row of the table.
#pragma once

#include <random>

#include "autograd/transforms.hpp"
#include "tests/cases.hpp"

namespace sonde::testing {

/// One row in one float type on one device, with drawn inputs and random directions, which are the
/// same on every device.
class Subject {
 public:
  Subject(const Case& row, DType dtype, Device device = {});

  const Case& row() const { return row_; }
  DType dtype() const { return dtype_; }
  Device device() const { return device_; }
  bool f64() const { return dtype_ == DType::f64; }
  /// Relative tolerance of an exact identity, and of a comparison with finite differences.
  double exact() const { return row_.tolerance * (f64() ? 1e-11 : 3e-4); }
  double difference() const { return row_.tolerance * 1e-6; }

  const Vars& inputs() const { return inputs_; }
  /// The inputs converted to float64 (integers as they are).
  Tensors inputs_f64() const;
  /// A random direction in the space of the differentiable inputs; empty for the others.
  Vars direction() const;
  /// A random weight for every differentiable output; empty for the others.
  Vars weights() const;
  /// The sum over outputs of <weight, y + y^2 / 2>: a scalar function whose cotangents depend on x,
  /// so that the transposes of linear operations are differentiated and batched too.
  Function scalar() const;
  /// Does any output or input carry a derivative?
  bool differentiable() const;
  /// Positions of the differentiable inputs.
  Arguments arguments() const;

 private:
  Tensor draw(const Input& input) const;
  Tensor draw_on_host(const Input& input) const;
  Var random_like(const Spec& spec) const;
  const Case& row_;
  DType dtype_;
  Device device_;
  mutable std::mt19937_64 random_;
  Vars inputs_;
  Specs outputs_;
};

/// The values at the positions `arguments`.
Vars picked(const Vars& x, const Arguments& arguments);
/// A function of the row's inputs as one of its differentiable inputs only.
Function of_floats(const Subject& s, const Function& f);

/// Sum of <a[i], b[i]> over pairs of which neither is empty, in f64.
double dot(const Vars& a, const Vars& b);
/// |a - b| / (|a| + |b| + 1), all values taken together; empty Vars are zeros.
double distance(const Vars& a, const Vars& b);
double norm(const Vars& a);

void check_forward(const Subject& s);
void check_strided(const Subject& s);
void check_adjoint(const Subject& s);
void check_one_input(const Subject& s);
void check_finite_differences(const Subject& s);
void check_pullback(const Subject& s);
void check_second_order(const Subject& s);
void check_third_order(const Subject& s);
void check_linearize(const Subject& s);
/// Values, products with J, J' and the Hessian, and a batch, against those on the CPU.
void check_against_cpu(const Subject& s);
void check_batch(const Subject& s);

/// The program: runs every check on every row (which must outlive it), and then the coverage test
/// over the primitives defined in the folder `primitives`. Returns main's result.
int run_suite(int argc, char** argv, const Cases& cases, const std::string& primitives);
/// Registers every check on every row on `device`, and the comparison with the CPU. GoogleTest must
/// be initialised.
void register_suite(const Cases& cases, Device device);

}  // namespace sonde::testing
