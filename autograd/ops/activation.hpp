/// @file
/// Activation functions, element by element. The backward pass of each is one pass over memory.
/// Integers become f32.
#pragma once

#include "autograd/primitive.hpp"

namespace sonde {

/// max(x, 0); the derivative at 0 is 0.
Var relu(Operand x);
/// x above 0, negative_slope x below.
Var leaky_relu(Operand x, double negative_slope = 0.01);
/// x above 0, alpha (e^x - 1) below.
Var elu(Operand x, double alpha = 1);
/// 1 / (1 + e^-x)
Var sigmoid(Operand x);
/// x sigmoid(x)
Var silu(Operand x);
/// x Phi(x), with the normal distribution function Phi (Hendrycks and Gimpel 2016).
Var gelu(Operand x);
/// The approximation of gelu by tanh: x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2.
Var gelu_tanh(Operand x);
/// log(1 + e^(beta x)) / beta; x itself where beta x > threshold. Error(value) unless beta > 0.
Var softplus(Operand x, double beta = 1, double threshold = 20);

}  // namespace sonde
