// hessian_growth: how a transformer's Hessian grows with the scale of its embeddings.
#include "experiments/hessian/programs.hpp"

int main(int argc, char** argv) {
  return sonde::experiments::hessian_growth(argc, argv);
}
