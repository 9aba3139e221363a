// Slices of quadratic losses, filter normalisation, and the plane of a known trajectory.
#include <gtest/gtest.h>

#include <cmath>

#include "analysis/loss_surface.hpp"
#include "analysis/trajectory.hpp"
#include "autograd/ops.hpp"
#include "nn/init.hpp"
#include "tests/analysis/values.hpp"
#include "tests/nn/expect_code.hpp"

namespace sonde {
namespace {

using testing::expect_code;
using testing::random;

const Point at =
    Point::of({"w", "b", "k"}, {random({3, 2}, 1), random({3}, 2), random({2, 2, 2}, 3)});
// sum of w^2 and b, plus the sum of w times b
const Function loss = [](const Vars& x) {
  return sum(square(x[0])) + sum(x[1]) + sum(x[2]) + sum(mul(x[0], unsqueeze(x[1], 1)));
};
double value(const Vars& x) {
  return loss(x)[0].item();
}

TEST(LossSurface, OfAQuadraticIsAQuadratic) {
  const Vars d = random_direction(at, {1, 1}), e = random_direction(at, {2, 2});
  auto plus = [](const Vars& a, const Vars& b, double u) {
    Vars out;
    for (std::size_t i = 0; i < a.size(); ++i) out.push_back(a[i] + b[i] * u);
    return out;
  };
  const std::vector<double> u = steps(-1, 1, 5), v = steps(-0.5, 0.5, 3);
  const Tensor z = loss_surface(loss, at, d, e, u, v);
  ASSERT_EQ(z.shape(), (Dims{5, 3}));
  EXPECT_NEAR(z.at({2, 1}), value(at.values), 1e-6);
  // From six values the quadratic a + b u + c v + d u^2 + e u v + f v^2, and with it all others.
  auto at_point = [&](double s, double t) { return value(plus(plus(at.values, d, s), e, t)); };
  const double a = at_point(0, 0), p = at_point(1, 0), q = at_point(-1, 0), r = at_point(0, 1),
               s = at_point(0, -1), m = at_point(1, 1);
  const double b = (p - q) / 2, c = (r - s) / 2, dd = (p + q) / 2 - a, ff = (r + s) / 2 - a,
               mixed = m - a - b - c - dd - ff;
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = 0; j < 3; ++j) {
      const double x = u[i], y = v[j];
      EXPECT_NEAR(z.at({std::int64_t(i), std::int64_t(j)}),
                  a + b * x + c * y + dd * x * x + mixed * x * y + ff * y * y, 1e-12);
    }
  const std::vector<double> line = loss_along(loss, at, d, u);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(line[i], z.at({std::int64_t(i), 1}), 1e-13);
}

TEST(LossSurface, FiltersOfTheDirectionHaveTheNormsOfThePoint) {
  const Vars d = random_direction(at, {1, 1}), scaled = filter_normalised(at, d);
  for (std::size_t i : {0u, 2u}) {
    const std::int64_t filters = at.values[i].size(0);
    const Tensor x = reshape(at.values[i], {filters, -1}).tensor(),
                 raw = reshape(d[i], {filters, -1}).tensor(),
                 now = reshape(scaled[i], {filters, -1}).tensor();
    for (std::int64_t f = 0; f < filters; ++f) {
      const double length = norm(now.select(0, f)).item();
      EXPECT_NEAR(length, norm(x.select(0, f)).item(), 1e-13);
      const double along = sum(mul(Var(now.select(0, f)), raw.select(0, f))).item();
      EXPECT_NEAR(along, length * norm(raw.select(0, f)).item(), 1e-13);
    }
  }
  EXPECT_EQ(norm(scaled[1]).item(), 0);
  Vars zero = d;
  zero[0] = Tensor::zeros({3, 2}, DType::f64);
  EXPECT_EQ(norm(filter_normalised(at, zero)[0]).item(), 0);
}

TEST(LossSurface, StepsAreEqual) {
  EXPECT_EQ(steps(-0.5, 0.5, 5), (std::vector<double>{-0.5, -0.25, 0, 0.25, 0.5}));
  EXPECT_EQ(steps(-0.3, 0.3, 21)[10], 0);
  EXPECT_EQ(steps(0, 0.7, 11).back(), 0.7);
  expect_code(ErrorCode::value, [] { steps(0, 1, 1); });
  expect_code(ErrorCode::value, [] { steps(1, 1, 3); });
}

TEST(LossSurface, StopsWhenAskedAndRefusesWhatDoesNotFit) {
  struct Stop {};
  const Vars d = random_direction(at, {1, 1});
  const std::vector<double> u = steps(-1, 1, 4);
  std::vector<double> shares;
  EXPECT_THROW(loss_surface(loss, at, d, d, u, u,
                            [&](double share) {
                              shares.push_back(share);
                              if (share >= 0.5) throw Stop();
                            }),
               Stop);
  EXPECT_EQ(shares.size(), 8u);
  EXPECT_EQ(shares.front(), 1.0 / 16);
  expect_code(ErrorCode::shape, [&] { loss_along(loss, at, {d[0], d[1]}, u); });
  expect_code(ErrorCode::shape, [&] { filter_normalised(at, {d[1], d[0], d[2]}); });
  const Function vector = [](const Vars& x) { return x[1]; };
  expect_code(ErrorCode::shape, [&] { loss_along(vector, at, d, u); });
}

// A path in the plane of two orthonormal vectors a, b: coordinates 3 cos and sin of equal angles.
struct Path {
  Tensor plane = slice(nn::orthogonal_init({40, 40}, {4, 0}, 1, DType::f64), 0, 0, 2).tensor();
  Tensor coordinates = Tensor::empty({12, 2}, DType::f64);
  Tensor shift = random({40}, 5);
  Path() {
    for (std::int64_t t = 0; t < 12; ++t) {
      const double angle = 2 * M_PI * static_cast<double>(t) / 12 + 0.1;
      coordinates.data<double>()[2 * t] = 3 * std::cos(angle);
      coordinates.data<double>()[2 * t + 1] = std::sin(angle);
    }
  }
  Tensor weights() const { return add(matmul(coordinates, plane), shift).tensor(); }
};

TEST(TrajectoryPca, FindsAKnownPlane) {
  const Path path;
  const TrajectoryPca pca = trajectory_pca(path.weights());
  EXPECT_NEAR(norm(sub(pca.origin, path.shift)).item(), 0, 1e-13);
  EXPECT_NEAR(pca.explained[0], 0.9, 1e-13);  // 9 cos^2 to sin^2, whose means are equal
  EXPECT_NEAR(pca.explained[1], 0.1, 1e-13);
  const Tensor turned = matmul(pca.directions, path.plane, {.b = true}).tensor();
  EXPECT_NEAR(std::abs(turned.at({0, 0})), 1, 1e-13);
  EXPECT_NEAR(std::abs(turned.at({1, 1})), 1, 1e-13);
  const Var gram = matmul(pca.directions, pca.directions, {.b = true});
  EXPECT_NEAR(norm(sub(gram, Tensor::eye(2, DType::f64))).item(), 0, 1e-13);
  const Var back = matmul(pca.coordinates, pca.directions) + pca.origin;
  EXPECT_NEAR(norm(sub(back, path.weights())).item(), 0, 1e-12);
  for (std::int64_t k = 0; k < 2; ++k) {
    const Var c = select(Var(pca.coordinates), 1, k);
    EXPECT_EQ(amax(c).item(), amax(abs(c)).item());
  }
}

TEST(TrajectoryPca, FromTheLastWeightsTakesDifferencesToThem) {
  const Path path;
  const TrajectoryPca pca = trajectory_pca(path.weights(), 2, TrajectoryOrigin::last);
  EXPECT_NEAR(norm(sub(pca.origin, path.weights().select(0, 11))).item(), 0, 1e-14);
  EXPECT_NEAR(norm(pca.coordinates.select(0, 11)).item(), 0, 1e-12);
  EXPECT_NEAR(pca.explained[0] + pca.explained[1], 1, 1e-13);
  // its own svd
  const Var moves = sub(path.weights(), path.weights().select(0, 11));
  const Var s = svd(moves).s;
  const double total = sum(square(s)).item();
  for (std::int64_t k = 0; k < 2; ++k)
    EXPECT_NEAR(pca.explained[static_cast<std::size_t>(k)], std::pow(s.tensor().at({k}), 2) / total,
                1e-13);
}

TEST(TrajectoryPca, KeepsTheTypeAndRefusesWhatIsNotThere) {
  const Path path;
  EXPECT_EQ(trajectory_pca(path.weights().to(DType::f32)).directions.dtype(), DType::f32);
  expect_code(ErrorCode::numeric, [&] { trajectory_pca(path.weights(), 3); });
  expect_code(ErrorCode::numeric, [] { trajectory_pca(Tensor::ones({4, 5}), 1); });
  expect_code(ErrorCode::value, [&] { trajectory_pca(path.weights(), 12); });
  expect_code(ErrorCode::value, [&] { trajectory_pca(path.weights(), 0); });
  expect_code(ErrorCode::shape, [] { trajectory_pca(Tensor::ones({1, 5}), 1); });
}

}  // namespace
}  // namespace sonde
