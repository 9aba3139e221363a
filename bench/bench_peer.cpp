// Sonde's side of bench/compare.py: a server that reads one command a line from standard input, as
// JSON, and answers each with one line. A command that fails is answered by {"error": message}.
#include <fmt/format.h>

#include <iostream>
#include <stdexcept>

#include "autograd/observe.hpp"
#include "autograd/ops.hpp"
#include "bench/rows/clock.hpp"
#include "bench/rows/models.hpp"
#include "bench/rows/peaks.hpp"
#include "bench/rows/workload.hpp"
#include "tensor/allocator.hpp"
#include "tensor/error.hpp"
#include "tensor/io_npz.hpp"
#include "tensor/parallel.hpp"
#include "tensor/system.hpp"
#include "tests/parity/values.hpp"

namespace sonde::bench {
namespace {

Makers all_makers() {
  Makers makers;
  for (const auto add : {add_matmul, add_elementwise, add_rows, add_index, add_attention, add_conv,
                         add_lstm, add_overhead, add_optim, add_training, add_curvature, add_bits})
    add(makers);
  return makers;
}

DType dtype_from(const Json& name) {
  return name == "f64" ? DType::f64 : DType::f32;
}

// {"name", "shape", "dtype"}: real numbers by the formula, times "scale"; with "below", integers;
// an "image" lies channels last in memory.
Tensor make_input(const Json& spec) {
  const std::string name = spec["name"];
  const Dims shape = to_dims(spec["shape"]);
  if (spec.contains("below")) return testing::integer_values(name, shape, spec["below"]);
  const Tensor values = (Var(testing::uniform_values(name, shape)) * spec.value("scale", 1.0))
                            .tensor()
                            .to(dtype_from(spec["dtype"]));
  if (!spec.value("image", false)) return values;
  Tensor image = Tensor::empty_ordered(shape, {0, 2, 3, 1}, values.dtype());
  image.copy_from(values);
  return image;
}

// Floating point operations of all products, convolutions, attention and recurrence that run.
struct FlopCounter final : Observer {
  void on_kernel(const Primitive& primitive, std::span<const Tensor> in, const Vars& out,
                 std::source_location, std::int64_t) override {
    flops += primitive.flops(in, out);
  }
  std::int64_t flops = 0;
};

class Server {
 public:
  Json answer(const Json& command) {
    const std::string verb = command.at("do");
    if (verb == "info") return info();
    if (verb == "parameters") return parameters(command.at("model"));
    if (verb == "setup") return setup(command);
    if (verb == "dump") return dump(command.at("path"));
    if (verb == "time") return time(command.at("calls"), command.at("warm"));
    if (verb == "flops") return {{"flops", flops()}};
    if (verb == "bound") return bound(command);
    if (verb == "memory") return memory();
    throw std::invalid_argument("no command '" + verb + "'");
  }

 private:
  static Json info() {
    const SystemInfo system = system_info();
    Json versions;
    for (const auto& [name, version] : system.versions) versions[name] = version;
    return {{"versions", versions},
            {"blas_core", system.blas_core},
            {"blas_warning", system.blas_warning},
            {"simd", system.simd},
            {"cpu", system.cpu},
            {"build_type", system.build_type},
            {"threads", threads()}};
  }

  // Names and shapes, for the peer that has no modules.
  static Json parameters(const std::string& model) {
    Json list = Json::array();
    for (const auto& [path, handle] : make_model(model)->named_parameters()) {
      const Dims& shape = handle->value.shape();
      list.push_back({path, std::vector<std::int64_t>(shape.begin(), shape.end())});
    }
    return {{"parameters", list}};
  }

  Json setup(const Json& command) {
    work_ = nullptr;  // frees the row before
    empty_cache();
    const std::string op = command.at("op");
    const auto found = makers_.find(op);
    if (found == makers_.end()) throw std::invalid_argument("no operation '" + op + "'");
    Setup row{command.at("params"), {}};
    for (const Json& spec : command.at("inputs")) row.inputs.push_back(make_input(spec));
    work_ = found->second(row);
    return Json::object();
  }

  Json dump(const std::string& path) {
    NamedTensors results;
    const Vars out = work_();
    for (std::size_t i = 0; i < out.size(); ++i)
      results[std::to_string(i)] = out[i].tensor().contiguous();
    save_npz(path, results);
    return {{"results", out.size()}};
  }

  // `calls` that are timed, after one that is not if `warm`.
  Json time(int calls, bool warm) {
    if (warm) work_();
    const double start = now();
    for (int i = 0; i < calls; ++i) work_();
    return {{"seconds", now() - start}};
  }

  std::int64_t flops() {
    FlopCounter counter;
    const ObserverScope scope(counter);
    work_();
    return counter.flops;
  }

  static Json bound(const Json& command) {
    return {{"flops_per_second", fma_rate(dtype_from(command.at("dtype")))},
            {"copy_seconds", copy_seconds(command.at("bytes"))}};
  }

  // What tensors hold at the peak of one call, inputs and parameters included.
  Json memory() {
    reset_peak_bytes();
    work_();
    return {{"peak_bytes", peak_bytes()}};
  }

  Makers makers_ = all_makers();
  Work work_;
};

int serve(int threads) {
  set_threads(threads);
  Server server;
  for (std::string line; std::getline(std::cin, line);) {
    Json reply;
    try {
      reply = server.answer(Json::parse(line));
    } catch (const std::exception& e) {
      reply = {{"error", e.what()}};
    }
    fmt::print("{}\n", reply.dump());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace sonde::bench

int main(int argc, char** argv) {
  if (argc != 2 || std::atoi(argv[1]) < 1) {
    fmt::print(stderr, "usage: bench_peer THREADS (see bench/README.md)\n");
    return 2;
  }
  return sonde::bench::serve(std::atoi(argv[1]));
}
