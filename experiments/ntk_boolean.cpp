// ntk_boolean: which monomials of the Boolean cube tangent kernels prefer, and which are learnt
// first.
#include "experiments/cube/programs.hpp"

int main(int argc, char** argv) {
  return sonde::experiments::ntk_boolean(argc, argv);
}
