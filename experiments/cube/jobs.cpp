#include "experiments/cube/jobs.hpp"

#include <chrono>

namespace sonde::experiments {
namespace {

class CourseJob final : public Job {
 public:
  CourseJob(const CubeSubject& subject, const LearningOptions& options, std::uint64_t seed)
      : training_(subject, options, seed) {}

  bool advance() override {
    using Clock = std::chrono::steady_clock;
    const auto stop = Clock::now() + std::chrono::seconds(1);
    while (!training_.over() && Clock::now() < stop) training_.epoch();
    return training_.over();
  }
  Json result() const override { return training_.course(); }
  void save(Checkpoint& c) const override { training_.save(c); }
  void restore(const Checkpoint& c) override { training_.restore(c); }

 private:
  MonomialTraining training_;
};

// A second or a few, in one piece.
class SpectrumJob final : public Job {
 public:
  SpectrumJob(CubeSubject subject, std::uint64_t seed)
      : subject_(std::move(subject)), seed_(seed) {}

  bool advance() override {
    found_ = degree_spectrum(subject_, seed_);
    return true;
  }
  Json result() const override { return found_; }
  void save(Checkpoint&) const override {}
  void restore(const Checkpoint&) override {}

 private:
  const CubeSubject subject_;
  const std::uint64_t seed_;
  std::vector<double> found_;
};

}  // namespace

// Trainings, which take longest, come first.
std::vector<CubeFindings> study_cube(Jobs& jobs, const std::vector<CubeSubject>& subjects,
                                     const CubeStudyOptions& o) {
  const auto count = static_cast<std::int64_t>(subjects.size()), trainings = count * o.courses;
  const auto at = [&](std::int64_t i) { return o.seed + static_cast<std::uint64_t>(i); };
  const auto subject = [&](std::int64_t i) -> const CubeSubject& {
    return subjects[static_cast<std::size_t>(i)];
  };
  const JobMaker make = [&](std::int64_t i) -> std::unique_ptr<Job> {
    if (i < trainings)
      return std::make_unique<CourseJob>(subject(i / o.courses), o.learning, at(i % o.courses));
    const std::int64_t k = i - trainings;
    return std::make_unique<SpectrumJob>(subject(k / o.spectra), at(k % o.spectra));
  };
  std::vector<CubeFindings> out(subjects.size());
  std::int64_t i = 0;
  for (const Json& result : jobs.run("networks", trainings + count * o.spectra, make)) {
    if (i < trainings)
      out[static_cast<std::size_t>(i / o.courses)].courses.push_back(result);
    else
      out[static_cast<std::size_t>((i - trainings) / o.spectra)].spectra.push_back(result);
    ++i;
  }
  return out;
}

}  // namespace sonde::experiments
