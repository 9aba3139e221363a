/// @file
/// One function per family of CPU kernels; register_cpu_kernels() calls them all.
#pragma once

namespace sonde::cpu {

void register_bootstrap();
void register_copy();
void register_elementwise();
void register_gather_scatter();
void register_random();
void register_sort();
void register_take();
void register_conv();
void register_pool();
void register_softmax();
void register_cross_entropy();
void register_normalize();

}  // namespace sonde::cpu
