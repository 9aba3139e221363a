// hessian_spectrum: the eigenvalues of the curvature of a person's own network.
#include "experiments/network/programs.hpp"

int main(int argc, char** argv) {
  return sonde::experiments::hessian_spectrum(argc, argv);
}
