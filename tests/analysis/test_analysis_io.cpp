// What is saved can be read back by name.
#include <gtest/gtest.h>

#include "analysis/io.hpp"
#include "autograd/ops.hpp"
#include "nn/init.hpp"
#include "tensor/io_npz.hpp"
#include "tests/analysis/values.hpp"
#include "tests/nn/expect_code.hpp"
#include "tests/temp_folder.hpp"

namespace sonde {
namespace {

using testing::random;

using testing::expect_code;

const Space space({"a.weight", "a.bias"}, {{2, 2}, {2}});

void expect_same(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.shape(), b.shape());
  EXPECT_EQ(amax(abs(sub(a, b))).item(), 0);
}

TEST(AnalysisIo, MapsVectorsAndSpectraComeBack) {
  const TempFolder folder;
  const std::string path = folder / "x.npz";
  const Tensor m = random({3, 6}, 1);
  save_map(path, matrix_map(m, Space::flat(3, DType::f64, "y"), space));
  const NamedTensors map = load_npz(path);
  expect_same(map.at("matrix"), m);
  EXPECT_EQ(map.at("domain.a.bias").to_vector<int>(), (std::vector<int>{4, 6}));
  EXPECT_EQ(map.at("range.y").to_vector<int>(), (std::vector<int>{0, 3}));

  const Tensor v = random({6}, 2);
  save_vector(path, space, v);
  const NamedTensors vector = load_npz(path);
  expect_same(vector.at("a.weight"), v.slice(0, 0, 4).reshape({2, 2}));
  expect_same(vector.at("a.bias"), v.slice(0, 4, 6));

  const Tensor values = random({2}, 3), vectors = random({2, 6}, 4);
  save_spectrum(path, values, space, vectors);
  const NamedTensors spectrum = load_npz(path);
  expect_same(spectrum.at("eigenvalues"), values);
  expect_same(spectrum.at("eigenvectors.a.bias"), vectors.slice(1, 4, 6));
  save_spectrum(path, values);
  EXPECT_EQ(load_npz(path).size(), 1u);
}

TEST(AnalysisIo, RefusesWhatDoesNotFit) {
  const TempFolder folder;
  const std::string path = folder / "x.npz";
  expect_code(ErrorCode::shape, [&] { save_vector(path, space, random({5}, 1)); });
  expect_code(ErrorCode::shape, [&] { save_spectrum(path, random({2, 2}, 1)); });
  expect_code(ErrorCode::shape, [&] {
    save_spectrum(path, random({2}, 1), space, random({3, 6}, 1));
  });
  expect_code(ErrorCode::memory, [&] { save_map(path, identity_map(space), {.max_memory = 8}); });
  expect_code(ErrorCode::file,
              [&] { save_vector("/no/such/folder/x.npz", space, random({6}, 1)); });
}

}  // namespace
}  // namespace sonde
