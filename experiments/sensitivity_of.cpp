// sensitivity_of: how sensitive a person's own network is.
#include "experiments/network/programs.hpp"

int main(int argc, char** argv) {
  return sonde::experiments::sensitivity_of(argc, argv);
}
