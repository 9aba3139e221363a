// What the tests of the file readers share: fixtures, tensors of every kind, and the check of a
// hostile file.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "temp_folder.hpp"
#include "tensor/allocator.hpp"
#include "tensor/tensor.hpp"
#include "tests/paths.hpp"

namespace sonde {

inline std::string fixture(const std::string& name) {
  return sonde::testing::source_dir() + "/tests/parity/io/" + name;
}

inline std::span<const std::byte> as_bytes(const std::string& s) {
  return std::as_bytes(std::span(s));
}

/// Every element type in every shape, some with strange strides.
inline std::vector<Tensor> all_kinds() {
  std::vector<Tensor> out;
  for (int t = 0; t < dtype_count; ++t)
    for (const Dims& shape : {Dims{}, Dims{1}, Dims{5}, Dims{0}, Dims{2, 3}, Dims{3, 0, 2},
                              Dims{2, 1, 2, 1, 2, 1, 2, 3}, Dims{300000}})
      out.push_back(
          Tensor::arange(numel(shape), DType::i64, -1).to(static_cast<DType>(t)).reshape(shape));
  out.push_back(Tensor::arange(12, DType::f32).reshape({3, 4}).transpose(0, 1).flip({1}));
  out.push_back(Tensor::scalar(3, DType::f64).expand({2, 2}));
  return out;
}

inline void expect_same(const Tensor& got, const Tensor& want) {
  ASSERT_EQ(to_string(got.spec()), to_string(want.spec()));
  const Tensor a = got.contiguous(), b = want.contiguous();
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(a.bytes()),
                        static_cast<std::size_t>(a.numel() * size_of(a.dtype()))),
            std::string(reinterpret_cast<const char*>(b.bytes()),
                        static_cast<std::size_t>(b.numel() * size_of(b.dtype()))))
      << to_string(want.spec());
}

/// Reading must give Error(format) that mentions `words`, with at most 4 MiB of tensors on the way.
template <class Read>
void expect_refused(Read&& read, const std::string& words, const std::string& label) {
  const std::int64_t before = current_bytes();
  reset_peak_bytes();
  try {
    read();
    ADD_FAILURE() << label << ": was accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::format) << label << ": " << e.what();
    EXPECT_NE(std::string(e.what()).find(words), std::string::npos) << label << ": " << e.what();
  }
  EXPECT_LE(peak_bytes() - before, 4 << 20) << label;
  EXPECT_EQ(current_bytes(), before) << label;
}

}  // namespace sonde
