/// @file
/// One function per family of CUDA kernels; the entry of the backend's library calls them all.
#pragma once

namespace sonde::cuda {

void register_attention();
void register_attention_grad();
void register_conv();
void register_copy();
void register_cross_entropy();
void register_deviance();
void register_elementwise();
void register_gather();
void register_linalg();
void register_lstm();
void register_lstm_cell();
void register_lstm_grad();
void register_matmul();
void register_matmul_integer();
void register_normalize();
void register_optim();
void register_pool();
void register_random();
void register_reduce_arg();
void register_reduce_extremes();
void register_reduce_logic();
void register_reduce_totals();
void register_scan();
void register_scatter();
void register_softmax();
void register_sort();
void register_sum_of_squares();
void register_take();
void register_take_add();

}  // namespace sonde::cuda

/// The entry of the backend's library: makes it the backend of DeviceType::cuda and registers its
/// kernels.
extern "C" __attribute__((visibility("default"))) void sonde_register_cuda();
