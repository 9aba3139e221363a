#include "experiments/boolean/training.hpp"

#include <cmath>

#include "autograd/ops.hpp"
#include "experiments/common/key_tensor.hpp"
#include "nn/loss.hpp"
#include "nn/state_dict.hpp"

namespace sonde::experiments {

BitSource uniform_bits(std::int64_t strings, std::int64_t n) {
  return [strings, n](philox::Key key) {
    return randint(key_tensor(key), {strings, n}, 0, 2).tensor();
  };
}

BitSource bits_among(const Tensor& set, std::int64_t strings) {
  return [set, strings](philox::Key key) {
    const Var rows = randint(key_tensor(key), {strings}, 0, set.size(0));
    return index_select(set, 0, rows).tensor();
  };
}

BitSource whole_set(const Tensor& set) {
  return [set](philox::Key) { return set; };
}

BitTraining::BitTraining(nn::Module& module, Target target, BitSource source,
                         const BitTrainingOptions& options)
    : module_(module),
      target_(std::move(target)),
      source_(std::move(source)),
      key_(options.key),
      optimizer_(module, {.lr = options.lr, .weight_decay = options.weight_decay}) {}

double BitTraining::step() {
  const Tensor bits = source_(philox::fold_in(key_, static_cast<std::uint64_t>(steps()))),
               labels = target_.labels(bits);
  const auto result = nn::value_and_grad(
      module_,
      [&](nn::Context& ctx) { return make_vars(nn::mse_loss(module_(ctx, bits), labels)); },
      {.mode = nn::Mode::train});
  const double loss = result.value.item();
  if (!std::isfinite(loss))
    fail(ErrorCode::numeric, "train", "the loss on {} is {} at step {}", target_.name, loss,
         steps());
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
