// The words CUDA adds to C++. Reserved names, as they are the toolkit's.
#pragma once

#define __global__
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __forceinline__ inline __attribute__((always_inline))
// Empty, as libstdc++ itself writes __attribute__((__noinline__)).
#define __noinline__
#define __launch_bounds__(...)
// One block runs at a time, so one array for each instantiation of a kernel is that block's.
#define __shared__ static

#if defined(__GNUC__) && !defined(__clang__)
/// Nothing is assumed but that it holds: g++ 12 lacks the builtin.
#define __builtin_assume(condition) \
  do {                              \
    if (!(condition)) ::__trap();   \
  } while (false)
#endif

/// Ends the kernel as an invalid instruction: here, the program with a message.
[[noreturn]] void __trap();
