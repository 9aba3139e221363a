// reproduction_page: what all runs found, on one page.
#include "experiments/page/reproduction_page.hpp"

int main(int argc, char** argv) {
  return sonde::experiments::reproduction_page(argc, argv);
}
