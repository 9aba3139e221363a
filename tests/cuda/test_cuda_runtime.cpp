// Memory, copies, streams and errors of a device.
#include <thread>

#include "tensor/backend.hpp"
#include "tensor/kernels/elementwise.hpp"
#include "tests/cuda/both.hpp"

namespace sonde::testing {
namespace {

Tensor sum_of(const Tensor& a, const Tensor& b) {
  Tensor out = Tensor::empty(a.shape(), a.dtype(), a.device());
  const Tensor in[] = {a, b};
  kernels::add.find(a.device(), a.dtype())(std::span<const Tensor>(in), out, nullptr);
  return out;
}

TEST(CudaRuntime, RoundTripKeepsValuesAndOrder) {
  const Tensor x = drawn({3, 4, 5});
  const Tensor views[] = {x,
                          x.permute({2, 0, 1}),
                          x.slice(1, {}, {}, -2),
                          x.select(0, 1).expand({7, 4, 5}),
                          drawn({0, 3}),
                          drawn({}),
                          drawn({9}, DType::i64),
                          drawn({5}, DType::boolean)};
  for (const Tensor& t : views) {
    const Tensor moved = t.to(gpu);
    EXPECT_EQ(moved.device(), gpu);
    expect_equal(t, moved);
    expect_equal(t, moved.to(gpu));
  }
  EXPECT_EQ(x.permute({2, 0, 1}).to(gpu).strides(), x.permute({2, 0, 1}).strides());
}

// More bytes than the ring of page-locked segments holds.
TEST(CudaRuntime, LongCopiesArriveWhole) {
  const Tensor x = Tensor::arange(3'000'001, DType::i32);
  expect_equal(x, x.to(gpu));
}

// The host may reuse its memory as soon as `to` returns.
TEST(CudaRuntime, UploadsHaveReadTheirSource) {
  Tensor x = Tensor::ones({1000});
  const Tensor moved = x.to(gpu);
  x.copy_from(Tensor::zeros({1000}));
  expect_equal(Tensor::ones({1000}), moved);
}

TEST(CudaRuntime, ManySmallUploadsKeepTheirOrder) {
  Tensors all;
  for (int i = 0; i < 40'000; ++i) all.push_back(Tensor::scalar(i, DType::f64).to(gpu));
  for (int i = 0; i < 40'000; i += 777) EXPECT_EQ(all[static_cast<std::size_t>(i)].item(), i);
}

TEST(CudaRuntime, FactoriesMakeTensorsThere) {
  expect_equal(Tensor::full({3, 2}, 1.5), Tensor::full({3, 2}, 1.5, DType::f32, gpu));
  expect_equal(Tensor::arange(5, DType::f64, 1, .5), Tensor::arange(5, DType::f64, 1, .5, gpu));
  expect_equal(Tensor::eye(4), Tensor::eye(4, DType::f32, gpu));
  EXPECT_EQ(Tensor::scalar(3, DType::i64, gpu).item(), 3);
}

TEST(CudaRuntime, TheHostReadsOnlyThroughCopies) {
  const Tensor x = drawn({2, 3}).to(gpu);
  EXPECT_EQ(code_of([&] { x.data<float>(); }), ErrorCode::device);
  EXPECT_EQ(x.at({1, 2}), drawn({2, 3}).at({1, 2}));
  EXPECT_EQ(to_string(x), to_string(drawn({2, 3})) + "@cuda:0");
}

TEST(CudaRuntime, ReadingOnTheHostIsReported) {
  std::vector<std::string> reasons;
  set_sync_observer([&](std::string_view reason) { reasons.emplace_back(reason); });
  const Tensor a = drawn({100}).to(gpu), b = sum_of(sum_of(a, a), a).clone();
  EXPECT_TRUE(reasons.empty());
  b.at({3});
  EXPECT_EQ(reasons, std::vector<std::string>{"copy to the host"});
  set_sync_observer([](std::string_view) { fail(ErrorCode::value, "test", "no waiting here"); });
  EXPECT_EQ(code_of([&] {
              b.item();
              b.at({0});
            }),
            ErrorCode::shape);
  EXPECT_EQ(code_of([&] { b.at({0}); }), ErrorCode::value);
  set_sync_observer({});
}

TEST(CudaRuntime, MemoryIsCounted) {
  const std::int64_t before = memory_stats(gpu).current;
  reset_peak_bytes(gpu);
  {
    const Tensor a = Tensor::empty({1000}, DType::f64, gpu);
    EXPECT_EQ(memory_stats(gpu).current, before + 8000);
    const Tensor b = Tensor::empty({2000}, DType::f64, gpu);
  }
  EXPECT_EQ(memory_stats(gpu).current, before);
  EXPECT_EQ(memory_stats(gpu).peak, before + 24000);
  synchronize(gpu);
  empty_cache(gpu);
}

TEST(CudaRuntime, TheLimitHolds) {
  const std::int64_t held = memory_stats(gpu).current;
  set_memory_limit(held + 1000, gpu);
  const std::string message = message_of([] { Tensor::empty({2000}, DType::u8, gpu); });
  EXPECT_NE(message.find("2000 bytes asked"), std::string::npos) << message;
  EXPECT_NE(message.find(fmt::format("limit {}", held + 1000)), std::string::npos) << message;
  Tensor::empty({900}, DType::u8, gpu);
  set_memory_limit(0, gpu);
}

TEST(CudaRuntime, DevicesAreNamed) {
  EXPECT_EQ(to_device("cuda:1"), (Device{DeviceType::cuda, 1}));
  for (const char* wrong : {"gpu", "cuda:", "cuda:-1", "cuda:1x", "cuda:300", ""})
    EXPECT_EQ(code_of([&] { to_device(wrong); }), ErrorCode::value) << wrong;
  const int count = device_count(DeviceType::cuda);
  const Device beyond{DeviceType::cuda, static_cast<std::int8_t>(count)};
  EXPECT_EQ(code_of([&] { Tensor::empty({1}, DType::f32, beyond); }), ErrorCode::backend);
  const DeviceInfo info = device_info(gpu);
  EXPECT_FALSE(info.name.empty());
  EXPECT_GT(info.memory_bytes, 0);
  EXPECT_LE(info.memory_free_bytes, info.memory_bytes);
}

// What one thread computed is there for another; memory goes back in the right order.
TEST(CudaRuntime, ThreadsShareTensors) {
  Tensor shared = Tensor::ones({10'000}, DType::f64, gpu);
  for (int round = 0; round < 20; ++round) {
    Tensor next;
    std::thread([&] {
      const Tensor doubled = sum_of(shared, shared);
      next = sum_of(doubled, Tensor::full({10'000}, -1, DType::f64, gpu));
    }).join();
    shared = sum_of(next, Tensor::zeros({10'000}, DType::f64, gpu));
  }
  EXPECT_EQ(shared.at({9'999}), 1);
}

TEST(CudaRuntime, ThreadsComputeAtTheSameTime) {
  const Tensor x = drawn({5000}, DType::f64).to(gpu);
  std::vector<Tensor> results(4);
  std::vector<std::thread> threads;
  for (auto& result : results)
    threads.emplace_back([&] {
      Tensor total = Tensor::zeros({5000}, DType::f64, gpu);
      for (int i = 0; i < 30; ++i) total = sum_of(total, x);
      result = total;
    });
  for (auto& t : threads) t.join();
  for (const Tensor& result : results) expect_equal(results[0].to(Device{}), result);
}

TEST(CudaRuntime, AnotherDevicesTensorsAreMoved) {
  if (device_count(DeviceType::cuda) < 2) GTEST_SKIP() << "one device only";
  const Device second{DeviceType::cuda, 1};
  const Tensor x = drawn({300});
  expect_equal(x, x.to(second).to(gpu));
  EXPECT_EQ(code_of([&] { sum_of(x.to(gpu), x.to(second)); }), ErrorCode::device);
}

}  // namespace
}  // namespace sonde::testing
