#include "autograd/observe.hpp"

namespace sonde {

std::atomic<Observer*> detail::observer{nullptr};
std::atomic<int> detail::anomaly{0};

Counters& counters() {
  static Counters c;
  return c;
}

ObserverScope::ObserverScope(Observer& observer) {
  Observer* none = nullptr;
  if (!detail::observer.compare_exchange_strong(none, &observer))
    fail(ErrorCode::usage, "ObserverScope", "another observer is active");
}
ObserverScope::~ObserverScope() {
  detail::observer = nullptr;
}

AnomalyMode::AnomalyMode() {
  ++detail::anomaly;
}
AnomalyMode::~AnomalyMode() {
  --detail::anomaly;
}

}  // namespace sonde
