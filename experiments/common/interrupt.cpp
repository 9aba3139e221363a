#include "experiments/common/interrupt.hpp"

#include <unistd.h>

#include <csignal>

namespace sonde::experiments {
namespace {

volatile std::sig_atomic_t signals_seen = 0;
struct sigaction former_int, former_term;

void remember(int) {
  if (signals_seen != 0) ::_exit(130);
  signals_seen = 1;
}

}  // namespace

InterruptGuard::InterruptGuard() {
  signals_seen = 0;
  struct sigaction action {};
  action.sa_handler = remember;
  action.sa_flags = SA_RESTART;  // a write in progress goes on
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &former_int);
  sigaction(SIGTERM, &action, &former_term);
}

InterruptGuard::~InterruptGuard() {
  sigaction(SIGINT, &former_int, nullptr);
  sigaction(SIGTERM, &former_term, nullptr);
  signals_seen = 0;
}

bool interrupted() {
  return signals_seen != 0;
}

}  // namespace sonde::experiments
