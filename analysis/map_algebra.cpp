// Sums, multiples, products, and the map of a matrix.
#include <algorithm>

#include "analysis/linear_map.hpp"
#include "autograd/ops.hpp"

namespace sonde {
namespace {

using Rule = LinearMap::Rule;

double bytes_of(const Space& space, std::int64_t n) {
  return static_cast<double>(n) * static_cast<double>(space.size()) *
         static_cast<double>(size_of(space.dtype()));
}

// a + factor b.
class Sum final : public Rule {
 public:
  Sum(LinearMap a, LinearMap b, double factor)
      : a_(std::move(a)), b_(std::move(b)), factor_(factor) {
    if (a_.domain() != b_.domain() || a_.range() != b_.range())
      fail(ErrorCode::shape, "linear map", "{} and {} act between different spaces ({} and {})",
           a_.name(), b_.name(), to_string(a_.domain()), to_string(b_.domain()));
  }
  const Space& domain() const override { return a_.domain(); }
  const Space& range() const override { return a_.range(); }
  Tensor apply(const Tensor& v) const override {
    return added(a_.apply_batch(v), b_.apply_batch(v));
  }
  Tensor transpose(const Tensor& u) const override {
    return added(a_.transpose_batch(u), b_.transpose_batch(u));
  }
  bool symmetric() const override { return a_.symmetric() && b_.symmetric(); }
  Cost cost(std::int64_t n) const override {
    const Cost a = a_.cost(n), b = b_.cost(n);
    return {a.flops + b.flops, std::max(a.bytes, b.bytes) + bytes_of(range(), n)};
  }
  std::string name() const override {
    return fmt::format("{} {} {}", a_.name(), factor_ < 0 ? "-" : "+", b_.name());
  }

 private:
  Tensor added(const Tensor& a, const Tensor& b) const {
    return (factor_ < 0 ? Var(a) - Var(b) : Var(a) + Var(b)).tensor();
  }
  const LinearMap a_, b_;
  const double factor_;  // 1 or -1
};

class Scaled final : public Rule {
 public:
  Scaled(double factor, LinearMap of) : factor_(factor), of_(std::move(of)) {}
  const Space& domain() const override { return of_.domain(); }
  const Space& range() const override { return of_.range(); }
  Tensor apply(const Tensor& v) const override {
    return (Var(of_.apply_batch(v)) * factor_).tensor();
  }
  Tensor transpose(const Tensor& u) const override {
    return (Var(of_.transpose_batch(u)) * factor_).tensor();
  }
  bool symmetric() const override { return of_.symmetric(); }
  Cost cost(std::int64_t n) const override {
    const Cost cost = of_.cost(n);
    return {cost.flops, cost.bytes + bytes_of(range(), n)};
  }
  std::string name() const override { return fmt::format("{:g} {}", factor_, of_.name()); }

 private:
  const double factor_;
  const LinearMap of_;
};

// a after b.
class Product final : public Rule {
 public:
  Product(LinearMap a, LinearMap b) : a_(std::move(a)), b_(std::move(b)) {
    if (a_.domain() != b_.range())
      fail(ErrorCode::shape, "linear map", "{} takes {}, {} gives {}", a_.name(),
           to_string(a_.domain()), b_.name(), to_string(b_.range()));
  }
  const Space& domain() const override { return b_.domain(); }
  const Space& range() const override { return a_.range(); }
  Tensor apply(const Tensor& v) const override { return a_.apply_batch(b_.apply_batch(v)); }
  Tensor transpose(const Tensor& u) const override {
    return b_.transpose_batch(a_.transpose_batch(u));
  }
  Cost cost(std::int64_t n) const override {
    const Cost a = a_.cost(n), b = b_.cost(n);
    return {a.flops + b.flops, std::max(a.bytes, b.bytes) + bytes_of(b_.range(), n)};
  }
  std::string name() const override { return fmt::format("{} after {}", a_.name(), b_.name()); }

 private:
  const LinearMap a_, b_;
};

bool equals_its_transpose(const Tensor& a) {
  if (a.size(0) != a.size(1)) return false;
  const Var differs = any(ne(a, transpose(a)));
  return differs.tensor().item() == 0;
}

class Matrix final : public Rule {
 public:
  Matrix(const Tensor& matrix, Space range, Space domain)
      : matrix_(matrix.contiguous()), range_(std::move(range)), domain_(std::move(domain)) {
    if (matrix.shape() != Dims{range_.size(), domain_.size()})
      fail(ErrorCode::shape, "matrix_map", "a matrix {} between {} and {} elements", matrix.shape(),
           domain_.size(), range_.size());
    if (matrix.dtype() != domain_.dtype() || matrix.dtype() != range_.dtype())
      fail(ErrorCode::dtype, "matrix_map", "a matrix of {} between {} and {}", matrix.dtype(),
           to_string(domain_), to_string(range_));
    if (!(matrix.device() == domain_.device()) || !(matrix.device() == range_.device()))
      fail(ErrorCode::device, "matrix_map", "a matrix on {} between {} and {}", matrix.device(),
           to_string(domain_), to_string(range_));
    symmetric_ = domain_ == range_ && equals_its_transpose(matrix_);
  }
  const Space& domain() const override { return domain_; }
  const Space& range() const override { return range_; }
  Tensor apply(const Tensor& v) const override {
    return matmul(Var(v), Var(matrix_), {.b = true}).tensor();
  }
  Tensor transpose(const Tensor& u) const override { return matmul(Var(u), Var(matrix_)).tensor(); }
  bool symmetric() const override { return symmetric_; }
  Cost cost(std::int64_t n) const override {
    return {2.0 * static_cast<double>(n) * static_cast<double>(matrix_.numel()), 0};
  }
  std::string name() const override { return "matrix"; }

 private:
  const Tensor matrix_;
  const Space range_, domain_;
  bool symmetric_ = false;
};

class Identity final : public Rule {
 public:
  explicit Identity(Space space) : space_(std::move(space)) {}
  const Space& domain() const override { return space_; }
  const Space& range() const override { return space_; }
  Tensor apply(const Tensor& v) const override { return v; }
  Tensor transpose(const Tensor& u) const override { return u; }
  bool symmetric() const override { return true; }
  Cost cost(std::int64_t) const override { return {}; }
  std::string name() const override { return "identity"; }

 private:
  const Space space_;
};

}  // namespace

LinearMap operator+(const LinearMap& a, const LinearMap& b) {
  return LinearMap(std::make_shared<Sum>(a, b, 1));
}

LinearMap operator-(const LinearMap& a, const LinearMap& b) {
  return LinearMap(std::make_shared<Sum>(a, b, -1));
}

LinearMap operator*(double factor, const LinearMap& a) {
  return LinearMap(std::make_shared<Scaled>(factor, a));
}

LinearMap operator*(const LinearMap& a, const LinearMap& b) {
  return LinearMap(std::make_shared<Product>(a, b));
}

LinearMap matrix_map(const Tensor& matrix, Space range, Space domain) {
  return LinearMap(std::make_shared<Matrix>(matrix, std::move(range), std::move(domain)));
}

LinearMap matrix_map(const Tensor& matrix) {
  if (matrix.rank() != 2)
    fail(ErrorCode::shape, "matrix_map", "a matrix is [m, n], this is {}", matrix.spec());
  const bool square = matrix.size(0) == matrix.size(1);
  const auto side = [&](int axis, const char* name) {
    return Space::flat(matrix.size(axis), matrix.dtype(), name, matrix.device());
  };
  return matrix_map(matrix, side(0, square ? "x" : "y"), side(1, "x"));
}

LinearMap identity_map(Space space) {
  return LinearMap(std::make_shared<Identity>(std::move(space)));
}

}  // namespace sonde
