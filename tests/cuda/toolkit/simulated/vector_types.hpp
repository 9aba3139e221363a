// Vectors of 2, 3 and 4 numbers with the alignment that the device's wide loads need.
#pragma once

#define SIMULATED_VECTOR2(Name, Type, bytes)   \
  struct alignas(bytes) Name {                 \
    Type x, y;                                 \
  };                                           \
  constexpr Name make_##Name(Type x, Type y) { \
    return {x, y};                             \
  }
#define SIMULATED_VECTOR3(Name, Type)                  \
  struct Name {                                        \
    Type x, y, z;                                      \
  };                                                   \
  constexpr Name make_##Name(Type x, Type y, Type z) { \
    return {x, y, z};                                  \
  }
#define SIMULATED_VECTOR4(Name, Type, bytes)                   \
  struct alignas(bytes) Name {                                 \
    Type x, y, z, w;                                           \
  };                                                           \
  constexpr Name make_##Name(Type x, Type y, Type z, Type w) { \
    return {x, y, z, w};                                       \
  }

SIMULATED_VECTOR2(char2, signed char, 2)
SIMULATED_VECTOR4(char4, signed char, 4)
SIMULATED_VECTOR2(uchar2, unsigned char, 2)
SIMULATED_VECTOR4(uchar4, unsigned char, 4)
SIMULATED_VECTOR2(short2, short, 4)
SIMULATED_VECTOR4(short4, short, 8)
SIMULATED_VECTOR2(ushort2, unsigned short, 4)
SIMULATED_VECTOR4(ushort4, unsigned short, 8)
SIMULATED_VECTOR2(int2, int, 8)
SIMULATED_VECTOR3(int3, int)
SIMULATED_VECTOR4(int4, int, 16)
SIMULATED_VECTOR2(uint2, unsigned, 8)
SIMULATED_VECTOR3(uint3, unsigned)
SIMULATED_VECTOR4(uint4, unsigned, 16)
SIMULATED_VECTOR2(longlong2, long long, 16)
SIMULATED_VECTOR2(ulonglong2, unsigned long long, 16)
SIMULATED_VECTOR2(float2, float, 8)
SIMULATED_VECTOR3(float3, float)
SIMULATED_VECTOR4(float4, float, 16)
SIMULATED_VECTOR2(double2, double, 16)
SIMULATED_VECTOR3(double3, double)
SIMULATED_VECTOR4(double4, double, 16)
SIMULATED_VECTOR4(double4_16a, double, 16)
SIMULATED_VECTOR4(double4_32a, double, 32)

#undef SIMULATED_VECTOR2
#undef SIMULATED_VECTOR3
#undef SIMULATED_VECTOR4

/// Extents of a grid or a block; those not given are 1.
struct dim3 {
  unsigned x, y, z;
  // NOLINTNEXTLINE(google-explicit-constructor): as CUDA's
  constexpr dim3(unsigned columns = 1, unsigned rows = 1, unsigned planes = 1)
      : x(columns), y(rows), z(planes) {}
  // NOLINTNEXTLINE(google-explicit-constructor): as CUDA's
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
  // NOLINTNEXTLINE(google-explicit-constructor): as CUDA's
  constexpr operator uint3() const { return {x, y, z}; }
};
