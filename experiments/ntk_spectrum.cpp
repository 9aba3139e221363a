// ntk_spectrum: the tangent kernel of a person's own network.
#include "experiments/network/programs.hpp"

int main(int argc, char** argv) {
  return sonde::experiments::ntk_spectrum(argc, argv);
}
