// Lesson 7: softmax's Hessian, by hand and by the machine.
#include <fmt/core.h>

#include <cmath>

#include "analysis/attention_hessian.hpp"
#include "autograd/ops.hpp"

using namespace sonde;

namespace {

Tensor normal_tensor(const Dims& shape, std::uint64_t seed, double scale = 1) {
  return normal(random_key(seed), shape, 0, scale, DType::f64).tensor();
}

double size(const Var& a) {
  return norm(a).item();
}

void compare(const char* what, const Var& hand, const Var& machine) {
  const bool equal = size(hand - machine) <= 1e-12 * size(hand);
  fmt::print("{:22} |by hand| = {:8.4g}, the machine agrees to 12 digits: {}\n", what, size(hand),
             equal);
}

// The mean of the tokens x [n, d] under the weights a [n], and their covariance.
Var mean_under(const Var& a, const Var& x) {
  return matmul(a, x);
}
Var covariance_under(const Var& a, const Var& x) {
  const Var from_mean = x - mean_under(a, x);
  return einsum("j,jp,jq->pq", {a, from_mean, from_mean});
}

// log Z(w) = log sum_j exp(x_j' w), whose gradient is the attention to the tokens x.
Function log_partition(const Tensor& x) {
  return [=](const Var& w) { return logsumexp(matmul(x, w)); };
}

void one_row() {
  const Tensor x = normal_tensor({5, 3}, 1), w = normal_tensor({3}, 2);
  const Var a = softmax(matmul(x, w), 0);
  compare("softmax's Jacobian", diag_embed(a) - outer(a, a),
          jacobian([](const Var& t) { return softmax(t, 0); }, {matmul(x, w)})[0]);
  compare("gradient of log Z", mean_under(a, x), grad(log_partition(x))(w));
  compare("Hessian of log Z", covariance_under(a, x), hessian(log_partition(x), w));
}

AttentionLayer layer_of(double scale, bool single_matrix = false) {
  AttentionLayer layer{normal_tensor({6, 4}, 1, scale), normal_tensor({4, 4}, 2),
                       normal_tensor({4, 4}, 3), normal_tensor({4, 4}, 4)};
  if (single_matrix) layer.w_k = {};
  return layer;
}

const LikelihoodPtr squared_error = mse_loss(normal_tensor({6, 4}, 5));

double block_size(const LinearMap& h, std::string_view rows, std::string_view columns) {
  return size(dense(h.restricted(rows, columns)));
}

// Every block once: the matrix is symmetric.
void print_blocks(const HessianParts& hand) {
  const auto& blocks = hand.hessian.domain().blocks();
  for (std::size_t i = 0; i < blocks.size(); ++i)
    for (std::size_t j = i; j < blocks.size(); ++j)
      fmt::print("{:5}{:5} |H_o| = {:8.3g}  |H_f| = {:8.3g}\n", blocks[i].name, blocks[j].name,
                 block_size(hand.gauss_newton, blocks[i].name, blocks[j].name),
                 block_size(hand.functional, blocks[i].name, blocks[j].name));
}

void a_layer(const AttentionLayer& layer) {
  const HessianParts hand = attention_hessian(layer, *squared_error);
  const Function loss = [&](const Vars& weights) {
    return squared_error->value(attention_output(layer.x, weights, layer.options));
  };
  print_blocks(hand);
  compare("the whole Hessian", dense(hand.hessian),
          dense(hessian_map(loss, attention_point(layer))));
}

void growth() {
  const HessianParts small = attention_hessian(layer_of(0.001), *squared_error),
                     large = attention_hessian(layer_of(0.002), *squared_error);
  const auto power = [&](LinearMap HessianParts::*part, const char* rows, const char* columns) {
    return std::log2(block_size(large.*part, rows, columns) /
                     block_size(small.*part, rows, columns));
  };
  fmt::print("H_o: W_V {:.2f}, W_Q {:.2f}, W_K {:.2f}\n",
             power(&HessianParts::gauss_newton, "W_V", "W_V"),
             power(&HessianParts::gauss_newton, "W_Q", "W_Q"),
             power(&HessianParts::gauss_newton, "W_K", "W_K"));
  fmt::print("H_f: W_Q {:.2f}, W_K {:.2f}, W_Q with W_K {:.2f}\n",
             power(&HessianParts::functional, "W_Q", "W_Q"),
             power(&HessianParts::functional, "W_K", "W_K"),
             power(&HessianParts::functional, "W_Q", "W_K"));
}

// What a row attends to, if its tokens are numbers: its derivative by w is their variance.
Function attended(const Tensor& x) {
  return [=](const Var& w) { return dot(softmax(x * w, 0), x); };
}

// Three tokens on a line, and a w that makes the last one take all the attention.
void saturation() {
  const Tensor x = Tensor::from<double>({1, 3, 4}, {3}), w = Tensor::scalar(40, DType::f64);
  const Var a = softmax(Var(x) * w, 0), m = dot(a, x);
  fmt::print("weights                    {}\n", to_string(a.tensor(), 3));
  fmt::print("E[x^2] - m^2               {:9.3g}\n", (dot(a, square(x)) - square(m)).item());
  fmt::print("E[(x - m)^2]               {:9.3g}\n", dot(a, square(x - m)).item());
  fmt::print("the machine                {:9.3g}\n", grad(attended(x))(w).item());
  const Tensor from_third = (Var(x) - 4.0).tensor();
  fmt::print("the machine, seen from x_3 {:9.3g}\n", grad(attended(from_third))(w).item());
}

}  // namespace

int main() {
  fmt::print("-- one row\n");
  one_row();
  fmt::print("\n-- a layer\n");
  a_layer(layer_of(0.5));
  fmt::print("\n-- the same with one matrix W_QK in place of W_Q W_K'\n");
  a_layer(layer_of(0.5, true));
  fmt::print("\n-- the data twice as large: the blocks are 2 to this power as large\n");
  growth();
  fmt::print("\n-- a mistake: all the attention on one token\n");
  saturation();
}
