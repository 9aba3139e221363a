// sweep: an experiment at many settings, some runs at a time, merged into one table.
#include "experiments/sweep/sweep.hpp"

int main(int argc, char** argv) {
  return sonde::experiments::sweep(argc, argv);
}
