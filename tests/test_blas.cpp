#include "tensor/cpu/blas.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "tensor/error.hpp"
#include "tensor/parallel.hpp"

namespace sonde {
namespace {

using cpu::blas_gemm;

std::vector<float> numbers(std::int64_t n, unsigned seed) {
  std::vector<float> v(static_cast<std::size_t>(n));
  for (float& x : v) {
    seed = seed * 1664525u + 1013904223u;
    x = static_cast<float>(seed >> 8) * 0x1p-23f - 1.0f;
  }
  return v;
}

TEST(Blas, RunsTheCoreOfThisCpu) {
  EXPECT_EQ(cpu::blas_warning(), "") << cpu::blas_config();
  // With AVX2, these are the kernels of a CPU that has at most SSE: about a quarter of the speed.
  if (cpu::blas_core_expected() != "") {
    EXPECT_NE(cpu::blas_core(), "Prescott");
    EXPECT_NE(cpu::blas_core(), "Nehalem");
  }
}

TEST(Blas, LeavesTheEnvironmentAlone) {
  std::ifstream file("/proc/self/environ");  // as the program was started
  const std::string at_start(std::istreambuf_iterator<char>(file), {});
  for (const char* name : {"OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS"}) {
    const bool given = at_start.find(std::string(name) + "=") != std::string::npos;
    EXPECT_EQ(std::getenv(name) != nullptr, given) << name;
  }
}

TEST(Blas, WarnsOfSlowCoresAndOfTheSerialBuild) {
  EXPECT_NE(cpu::blas_warning("Prescott", "SkylakeX", 1).find("OPENBLAS_CORETYPE=SkylakeX"),
            std::string::npos);
  EXPECT_NE(cpu::blas_warning("Sandybridge", "Haswell", 1), "");
  EXPECT_EQ(cpu::blas_warning("Cooperlake", "SkylakeX", 1), "");
  EXPECT_EQ(cpu::blas_warning("Haswell", "Zen", 1), "");
  EXPECT_EQ(cpu::blas_warning("Nehalem", "", 1), "");
  EXPECT_NE(cpu::blas_warning("SkylakeX", "SkylakeX", 0).find("libopenblas-pthread-dev"),
            std::string::npos);
}

// [2,3] x [3,2] in all four storage orders, with alpha and beta.
template <class T>
void expect_product_by_hand() {
  const T a[] = {1, 2, 3, 4, 5, 6}, a_stored_t[] = {1, 4, 2, 5, 3, 6};
  const T b[] = {7, 8, 9, 10, 11, 12}, b_stored_t[] = {7, 9, 11, 8, 10, 12};
  for (bool ta : {false, true}) {
    for (bool tb : {false, true}) {
      T c[] = {1, 1, 1, 1};
      blas_gemm(ta, tb, 2, 2, 3, T(2), ta ? a_stored_t : a, ta ? 2 : 3, tb ? b_stored_t : b,
                tb ? 3 : 2, T(1), c, 2);
      EXPECT_EQ(std::vector<T>(c, c + 4), (std::vector<T>{117, 129, 279, 309})) << ta << tb;
    }
  }
}

TEST(Blas, MultipliesInRowMajorOrder) {
  expect_product_by_hand<float>();
  expect_product_by_hand<double>();
}

TEST(Blas, EmptyProducts) {
  float c[] = {std::numeric_limits<float>::quiet_NaN(), 3};
  blas_gemm(false, false, 0, 2, 5, 1.0f, nullptr, 5, nullptr, 2, 0.0f, c, 2);
  EXPECT_EQ(c[1], 3);  // m == 0: untouched
  blas_gemm(false, false, 1, 2, 0, 1.0f, nullptr, 0, nullptr, 2, 0.0f, c, 2);
  EXPECT_EQ(c[0], 0);  // a sum over nothing, and beta == 0 does not read the NaN
  EXPECT_EQ(c[1], 0);
}

TEST(Blas, SizesBeyond32BitsAreATypedError) {
  float c = 0;
  try {
    blas_gemm(false, false, std::int64_t{1} << 31, 1, 1, 1.0f, &c, 1, &c, 1, 0.0f, &c, 1);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::size);
  }
}

struct Product {
  bool trans_b;
  std::int64_t m, n, k;
  std::vector<float> a = numbers(m * k, 1), b = numbers(k * n, 2), c = std::vector<float>(m * n);

  bool same_bits_as_before(std::vector<float>& scratch) const {
    scratch.assign(c.size(), 0.0f);
    multiply(scratch.data());
    return std::memcmp(scratch.data(), c.data(), c.size() * sizeof(float)) == 0;
  }
  void multiply(float* to) const {
    blas_gemm(false, trans_b, m, n, k, 1.0f, a.data(), k, b.data(), trans_b ? k : n, 0.0f, to, n);
  }
};

// The serial build of OpenBLAS gets 4 to 10 % of these wrong.
TEST(Blas, ConcurrentProductsHaveTheBitsOfSequentialOnes) {
  std::vector<Product> products = {
      {true, 64, 64, 32}, {true, 64, 64, 64}, {false, 128, 128, 128}, {false, 17, 40, 33}};
  for (Product& p : products) p.multiply(p.c.data());

  std::atomic<int> wrong{0};
  const auto work = [&](std::int64_t repeats) {
    std::vector<float> scratch;
    for (std::int64_t r = 0; r < repeats; ++r) {
      for (const Product& p : products) wrong += !p.same_bits_as_before(scratch);
    }
  };
  {
    std::vector<std::jthread> own_threads;
    for (int t = 0; t < 4; ++t) own_threads.emplace_back(work, 400);
  }
  EXPECT_EQ(wrong, 0) << "std::thread";

  const int before = threads();
  set_threads(4);
  parallel_for(1600, 1, [&](std::int64_t begin, std::int64_t end) { work(end - begin); });
  set_threads(before);
  EXPECT_EQ(wrong, 0) << "parallel_for";
}

}  // namespace
}  // namespace sonde
