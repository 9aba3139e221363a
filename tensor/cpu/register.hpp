/// @file
/// One function per family of CPU kernels; register_cpu_kernels() calls them all.
#pragma once

namespace sonde::cpu {

void register_attention();
void register_reduce();
void register_conv();
void register_copy();
void register_cross_entropy();
void register_deviance();
void register_elementwise();
void register_gather_scatter();
void register_lstm();
void register_lstm_cell();
void register_linalg();
void register_matmul();
void register_normalize();
void register_optim();
void register_pool();
void register_random();
void register_softmax();
void register_sort();
void register_take();

}  // namespace sonde::cpu
