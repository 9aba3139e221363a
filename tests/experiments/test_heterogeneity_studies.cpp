// The networks beside the transformer, and the transformer along its training.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "autograd/ops.hpp"
#include "experiments/hessian/addition_networks.hpp"
#include "experiments/hessian/along_training.hpp"
#include "experiments/hessian/contrast.hpp"

namespace sonde::experiments {
namespace {

TEST(AdditionNetworks, AreOfTheTransformersSize) {
  EXPECT_EQ(AdditionLstm({1, 1}).parameter_count(), 3732);
  EXPECT_EQ(AdditionCnn({1, 1}).parameter_count(), 4012);
}

// Position 9 is seen from itself on, by the CNN up to twelve tokens later.
TEST(AdditionNetworks, SeeNoLaterToken) {
  for (const bool lstm : {true, false}) {
    std::unique_ptr<nn::Module> net;
    if (lstm)
      net = std::make_unique<AdditionLstm>(philox::Key{1, 1});
    else
      net = std::make_unique<AdditionCnn>(philox::Key{1, 1});
    Tensor tokens = addition::batch(2, {2, 1});
    const Var before = (*net)(tokens);
    EXPECT_EQ(before.shape(), (Dims{2, addition::length, addition::vocabulary}));
    for (const std::int64_t at : {2, 9}) {
      Tensor other = tokens.clone();
      other.mutable_data<std::int64_t>()[at] = (static_cast<int>(tokens.at({0, at})) + 1) % 10;
      const Var change = select(abs((*net)(other)-before), 0, 0);
      EXPECT_EQ(amax(slice(change, 0, 0, at)).item(), 0);
      EXPECT_GT(amax(select(change, 0, at)).item(), 1e-4);
      const std::int64_t last = std::min<std::int64_t>(at + 12, addition::length - 1);
      EXPECT_GT(amax(select(change, 0, last)).item(), lstm ? 1e-12 : 1e-8);
      if (!lstm && last + 1 < addition::length)
        EXPECT_EQ(amax(slice(change, 0, last + 1, {})).item(), 0);
    }
  }
}

TEST(Contrast, SpreadsAreThoseOfTheMedians) {
  std::vector<NetworkBlock> blocks;
  for (const char* network : {"transformer", "LSTM", "CNN"})
    for (std::int64_t r = 0; r < 3; ++r)
      for (const auto& [parameter, median] : {std::pair{"a", 1e-5}, {"b", 1e-2}, {"c", 1e-3}})
        blocks.push_back({network, parameter, r, {.elements = {}, .median = median}});
  for (const Metric& m : contrast_metrics(blocks)) EXPECT_NEAR(m.value.value, 3, 1e-12) << m.name;
  EXPECT_EQ(contrast_figure(blocks).figure.table().rows.size(), 9u);
}

TEST(AlongTraining, BeginsWithTheStudysNetworkAndLearns) {
  const TrainingOptions o{
      .width = 4, .sequences = 16, .repetitions = 2, .lr = 0.01, .steps = {0, 300}};
  const JobMaker make = training_jobs(o, 3);
  std::vector<Json> found;
  for (std::int64_t r = 0; r < o.repetitions; ++r) {
    const auto job = make(r);
    while (!job->advance()) {
    }
    found.push_back(job->result());
  }
  const TrainingCourse course = training_course(found);
  ASSERT_EQ(course.moments.size(), 4u);
  for (std::size_t r = 0; r < 2; ++r) {
    const TrainingMoment &start = course.moments[2 * r], &end = course.moments[2 * r + 1];
    const HeterogeneityOptions same{.width = 4, .sequences = 16};
    EXPECT_EQ(start.query.median, query_and_value(same, 3 + r).query.median);
    const WholeHessian whole = whole_hessian(same, 3 + r, [](double) {});
    const std::vector<double> values = eigh(whole.matrix).values.tensor().to_vector<double>();
    EXPECT_NEAR(start.whole.greatest, values.back(), 1e-8 * values.back());
    EXPECT_NEAR(start.whole.least, values.front(), 1e-8 * values.back());
    EXPECT_NEAR(start.loss, std::log(12.0), 0.3);
    EXPECT_LT(end.loss, start.loss - 0.2);
    EXPECT_GT(end.accuracy, 0.1);
    EXPECT_EQ(start.preconditioned.greatest, 0);
    EXPECT_GT(end.preconditioned.greatest, end.whole.greatest);  // Adam's scale is below 1
    EXPECT_GT(end.preconditioned_value, end.value.norm);
  }
  EXPECT_GT(course.whole.grid.back(), course.moments[1].whole.greatest);
  EXPECT_EQ(training_metrics(course).size(), 6u);
  for (const CaptionedFigure& f : training_figures(o, course))
    EXPECT_FALSE(f.figure.table().rows.empty());
}

// Of all jobs, also from a state between two looks at a training.
TEST(AlongTraining, GoesOnToTheSameBits) {
  const TrainingOptions o{.width = 4, .sequences = 4, .repetitions = 1, .steps = {0, 2, 5}};
  const JobMaker make = training_jobs(o, 3);
  const auto finished = [](Job& job) {
    while (!job.advance()) {
    }
    return job.result();
  };
  const Json whole = finished(*make(0));
  EXPECT_EQ(whole["moments"].size(), 3u);
  EXPECT_EQ(whole["densities"].size(), 2u);
  for (int parts = 1; parts < 5; ++parts) {
    const auto first = make(0), second = make(0);
    for (int i = 0; i < parts; ++i) ASSERT_FALSE(first->advance());
    Checkpoint state;
    first->save(state);
    second->restore(state);
    EXPECT_EQ(finished(*second), whole) << parts;
  }
  EXPECT_THROW(make(0)->restore(Checkpoint{}), Error);
  EXPECT_THROW(training_course({Json::object()}), Error);
}

}  // namespace
}  // namespace sonde::experiments
