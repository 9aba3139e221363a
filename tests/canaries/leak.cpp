// Planted fault: the only pointer to a block is lost.
#include <cstdio>

int main() {
  int* volatile numbers = new int[1000]();
  std::printf("%d\n", numbers[0]);
  numbers = nullptr;
}
