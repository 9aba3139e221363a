/// @file
/// The parts of register_elementwise(), each a source of its own: nvcc compiles them side by side.
#pragma once

namespace sonde::cuda {

void register_activations();
void register_activation_products();
void register_arithmetic();
void register_choice();
void register_comparisons();
void register_math();
void register_powers();
void register_trigonometry();

}  // namespace sonde::cuda
