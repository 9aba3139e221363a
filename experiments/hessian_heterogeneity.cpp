// hessian_heterogeneity: how differently the blocks of a transformer's Hessian are sized, and that
// softmax is what makes them so.
#include "experiments/hessian/programs.hpp"

int main(int argc, char** argv) {
  return sonde::experiments::hessian_heterogeneity(argc, argv);
}
