#include "experiments/network/stages.hpp"

namespace sonde::experiments {
namespace {

constexpr const char* parts = "parts";

}  // namespace

Stages::Stages(Run& run) : run_(run) {
  if (std::optional<Checkpoint> before = run.resumed()) {
    done_ = std::move(*before);
    resumed_ = true;
    if (!done_.state.contains(parts) || !done_.state[parts].is_object())
      fail(ErrorCode::format, "checkpoint", "it names no finished parts");
    return;
  }
  done_.state[parts] = Json::object();
  run.save(done_);
}

void Stages::finished(const std::string& part) {
  run_.log({{"event", "finished"}, {"part", part}});
  run_.save(done_);
}

Json Stages::once(const std::string& part, const std::function<Json()>& compute) {
  if (!done_.state[parts].contains(part)) {
    pause();
    Json found = compute();
    done_.state[parts][part] = std::move(found);
    finished(part);
  }
  return done_.state[parts][part];
}

Tensor Stages::tensor_once(const std::string& part, const std::function<Tensor()>& compute) {
  if (!done_.tensors.contains(part)) {
    pause();
    Tensor found = compute();
    done_.tensors.emplace(part, std::move(found));
    finished(part);
  }
  return done_.tensors.at(part);
}

void Stages::pause() {
  run_.stop_if_interrupted([this] { return done_; });
}

void Watched::reached(std::int64_t count) {
  if (count > done_ && done_ < total_) progress_.advance(count - done_);
  done_ = count;
  stages_.pause();
}

}  // namespace sonde::experiments
