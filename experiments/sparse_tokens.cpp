// sparse_tokens: how sensitive networks are to single tokens, and which of two cues they follow.
#include "experiments/tokens/programs.hpp"

int main(int argc, char** argv) {
  return sonde::experiments::sparse_tokens(argc, argv);
}
