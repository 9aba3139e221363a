/// @file
/// One function per family of CPU kernels; register_cpu_kernels() calls them all.
#pragma once

namespace sonde::cpu {

void register_copy();

}  // namespace sonde::cpu
