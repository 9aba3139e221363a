/// @file
/// One network of the sensitivity study in one repetition: its training, and when it is measured.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "experiments/vision/study.hpp"

namespace sonde::experiments {

/// Trains one model and measures it where its train accuracy crosses each level. Between two calls
/// of advance() its state can be saved.
///
/// When it is looked at: every `eval_every` steps on the first thousand train images. All train and
/// test images are seen at the start and the end, after eight such looks, and whenever the look
/// comes within a point of the next level: the accuracy that is matched is always that of all
/// images. The level is crossed at the first such evaluation that reaches it; the other end of the
/// interpolation is the look before, whose accuracy is then found on all images as well.
class Unit {
 public:
  Unit(const StudyOptions& options, const ImageModel& model, std::int64_t repetition,
       const ImageSet& train, const ImageSet& test);

  bool finished() const {
    return evaluated_ == last_step() || reached_ == options_.accuracies.size();
  }
  std::int64_t steps() const { return trainer_.steps(); }
  std::int64_t last_step() const { return options_.epochs * trainer_.steps_per_epoch(); }
  /// What became of it, in a few words.
  std::string outcome() const;

  /// One step of training, or the look that is due. If `pause` throws, the look has not been, but
  /// for its sweeps that are finished: a state saved in `pause` has these, too.
  void advance(Findings& findings, Run& run, const std::function<void()>& pause);

  void save(Checkpoint& checkpoint) const;
  void restore(const Checkpoint& checkpoint);

 private:
  // The network as it was at a look.
  struct Snapshot {
    std::int64_t step = 0;
    NamedTensors state;            // of its module
    std::optional<Moment> moment;  // if all images were seen
  };
  using Pause = std::function<void()>;

  bool wants_evaluation() const;
  Moment moment_of(const nn::Module& module, std::int64_t step) const;
  void evaluate(Snapshot now, Findings& findings, Run& run, const Pause& pause);
  void record(const Moment& moment, double course, std::vector<Measurement> found,
              Findings& findings, Run& run);
  void measure_at(double accuracy, const Snapshot& now, const Pause& pause,
                  std::vector<Measurement>& found);
  std::vector<Measurement> measure(const Snapshot& at, const std::string& stage,
                                   const std::string& images, const Pause& pause);
  Sensitivity exported_measurement(const Moment& moment, const Tensor& images,
                                   const SensitivityOptions& how, const Pause& pause) const;
  double sensitivity_on_the_way(const Pause& pause) const;

  const StudyOptions& options_;
  const ImageModel& model_;
  const std::int64_t repetition_;
  const ImageSet &train_, &test_;
  const ImageSet glimpse_;                            // the train images of a look
  const std::unique_ptr<nn::Module> module_, probe_;  // what is trained, what is measured
  Trainer trainer_;
  const std::unique_ptr<Perturbation> patch_, scattered_;  // the latter if asked for
  std::int64_t looked_ = -1, evaluated_ = -1;              // at these steps
  std::size_t reached_ = 0;                                // levels
  double loss_sum_ = 0;
  std::int64_t loss_count_ = 0;
  std::optional<Snapshot> before_;  // at the last look
  // The sweeps of the evaluation under way, in their order, which an evaluation that is begun again
  // does not repeat; and how many of them it has come to.
  std::vector<Measurement> swept_;
  std::size_t sweeps_ = 0;
};

}  // namespace sonde::experiments
