/// @file
/// The main function of every benchmark program. `SONDE_BENCH_MAIN(tables...)` in a bench_x.cpp
/// gives it
///   --tables     print the side-by-side tables (functions that use SideBySide) and nothing else
///   --threads N  threads that kernels use (default 1)
/// and Google Benchmark's own options. All output names the BLAS core, the SIMD level and the
/// threads.
#pragma once

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdlib>
#include <initializer_list>
#include <string_view>

#include "bench/side_by_side.hpp"
#include "tensor/error.hpp"
#include "tensor/parallel.hpp"
#include "tensor/system.hpp"

namespace sonde::bench {

struct BenchOptions {
  bool tables = false;
  int threads = 1;
};

// Takes Sonde's options out of argv and leaves the others.
inline BenchOptions take_options(int& argc, char** argv) {
  BenchOptions options;
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--tables")
      options.tables = true;
    else if (std::string_view(argv[i]) == "--threads" && i + 1 < argc)
      options.threads = std::atoi(argv[++i]);
    else
      argv[kept++] = argv[i];
  }
  argc = kept;
  return options;
}

inline int run_bench(int argc, char** argv, std::initializer_list<void (*)()> tables) {
  const BenchOptions options = take_options(argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  try {
    set_threads(options.threads);
    const SystemInfo info = system_info();
    if (!info.blas_warning.empty()) {
      fmt::print(stderr, "not timed: {}\n", info.blas_warning);
      return 1;
    }
    benchmark::AddCustomContext("blas_core", info.blas_core);
    benchmark::AddCustomContext("simd", info.simd);
    benchmark::AddCustomContext("threads", std::to_string(options.threads));
    if (options.tables) {
      fmt::print("BLAS core {}, SIMD {}, {} thread(s)\n", info.blas_core, info.simd,
                 options.threads);
      for (void (*table)() : tables) table();
    } else {
      benchmark::RunSpecifiedBenchmarks();
    }
  } catch (const Error& e) {
    fmt::print(stderr, "{}\n", e.what());
    return e.code() == ErrorCode::value ? 2 : 1;
  }
  return 0;
}

}  // namespace sonde::bench

/// Defines main(); the arguments are the functions that print tables, possibly none.
#define SONDE_BENCH_MAIN(...)                                  \
  int main(int argc, char** argv) {                            \
    return sonde::bench::run_bench(argc, argv, {__VA_ARGS__}); \
  }
