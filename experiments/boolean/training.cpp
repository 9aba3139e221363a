#include "experiments/boolean/training.hpp"

#include <cmath>

#include "autograd/ops.hpp"
#include "experiments/common/key_tensor.hpp"
#include "nn/loss.hpp"
#include "nn/state_dict.hpp"

namespace sonde::experiments {

BitSource uniform_bits(std::int64_t strings, std::int64_t n) {
  return [strings, n](philox::Key key) {
    return randint(random_key(key), {strings, n}, 0, 2).tensor();
  };
}

BitSource bits_among(const Tensor& set, std::int64_t strings) {
  return [set, strings](philox::Key key) {
    const Var rows = randint(random_key(key), {strings}, 0, set.size(0));
    return index_select(set, 0, rows).tensor();
  };
}

BitSource whole_set(const Tensor& set) {
  return [set](philox::Key) { return set; };
}

BitTask::BitTask(const Target& target)
    : BitTask(target.name, [labels = target.labels](const Var& outputs, const Tensor& strings) {
        return nn::mse_loss(outputs, labels(strings));
      }) {}

BitTraining::BitTraining(nn::Module& module, BitTask task, BitSource source,
                         const BitTrainingOptions& options)
    : module_(module),
      task_(std::move(task)),
      source_(std::move(source)),
      key_(options.key),
      schedule_(options.schedule),
      optimizer_(module, {.lr = options.lr, .weight_decay = options.weight_decay}) {}

double BitTraining::step() {
  const Tensor strings = source_(philox::fold_in(key_, static_cast<std::uint64_t>(steps())));
  const auto result = nn::value_and_grad(
      module_,
      [&](nn::Context& ctx) { return make_vars(task_.loss(module_(ctx, strings), strings)); },
      {.mode = nn::Mode::train});
  const double loss = result.value.item();
  if (!std::isfinite(loss))
    fail(ErrorCode::numeric, "train", "the loss on {} is {} at step {}", task_.name, loss, steps());
  if (schedule_) optim::apply(optimizer_, schedule_, steps());
  optimizer_.step(result.grads);
  return loss;
}

void BitTraining::save(Checkpoint& checkpoint, const std::string& prefix) const {
  checkpoint.add(prefix + "model.", nn::state_dict(module_));
  checkpoint.add(prefix + "optimizer.", optimizer_.state());
}

void BitTraining::restore(const Checkpoint& checkpoint, const std::string& prefix) {
  nn::load_state_dict(module_, checkpoint.tensors_under(prefix + "model."));
  optimizer_.load_state(checkpoint.tensors_under(prefix + "optimizer."));
}

}  // namespace sonde::experiments
