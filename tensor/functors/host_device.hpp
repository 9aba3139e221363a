/// @file
/// SONDE_HD marks what the host and a device both run. Each operation's scalar arithmetic stands
/// once, in this folder, as a plain struct; the backends add the loops. So the tests of the CPU
/// prove what a device computes, but for the library functions that the struct calls.
#pragma once

#ifdef __CUDACC__
#define SONDE_HD __host__ __device__
#else
#define SONDE_HD
#endif
