/// @file
/// Trainings on PARITY with and without a scratchpad, and what is measured of them.
#pragma once

#include "experiments/boolean/scratchpad_net.hpp"
#include "experiments/boolean/study.hpp"

namespace sonde::experiments {

/// Shares of strings, decoded step by step.
struct Decoded {
  std::int64_t step = 0;  ///< of the training
  double tokens = 0;      ///< of steps that are right, the authors' accuracy
  double answer = 0;      ///< of strings whose last step is right
};
Decoded decoded_by(const ScratchpadNet& net, const Tensor& strings);

/// A training with a scratchpad. Its target is called "scratchpad"; losses are those of all steps,
/// which see the right ones before them, and the blow-up found is the encoder's.
struct ScratchpadRun {
  TrainedBits trained;
  BitBlowup decoder{};
  std::vector<Decoded> course{};  ///< after every so many steps, up to the last
};
Json to_json(const ScratchpadRun& run);
/// The inverse; Error(format).
ScratchpadRun scratchpad_run_from_json(const Json& json);

struct ScratchpadHow {
  TrainedBitsOptions measured{};
  std::int64_t decoded = 256;     ///< strings
  std::int64_t look_every = 250;  ///< steps between decodings; divides the steps
};
/// `every`, or all `steps` if they are fewer. Error(usage) unless it divides them: the last look is
/// at the end.
std::int64_t look_every(std::int64_t every, std::int64_t steps);

/// All steps' mean squared error, each seeing the right ones before it.
BitTask scratchpad_task();
/// Trains and measures cases[i]; the result is to_json(ScratchpadRun).
JobMaker scratchpad_jobs(std::vector<BitCase> cases, ScratchpadHow how);
/// All of them.
std::vector<ScratchpadRun> train_scratchpads(Jobs& jobs, const std::vector<BitCase>& cases,
                                             const ScratchpadHow& how);

/// An encoder that answers at once, and the share of `strings` fresh strings it is right about.
struct PlainRun {
  BitCase of;
  double loss = 0, accuracy = 0;  ///< loss for labels -1 and 1
};
std::vector<PlainRun> train_plain(Jobs& jobs, const std::vector<BitCase>& cases,
                                  std::int64_t strings);

}  // namespace sonde::experiments
