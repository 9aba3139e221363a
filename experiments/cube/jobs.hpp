/// @file
/// The study of networks on the Boolean cube as independent jobs: a spectrum or a training each.
#pragma once

#include <vector>

#include "experiments/common/jobs.hpp"
#include "experiments/cube/study.hpp"

namespace sonde::experiments {

/// What is measured of each network: seeds seed, seed + 1, ...
struct CubeStudyOptions {
  std::uint64_t seed = 1;
  std::int64_t spectra = 10, courses = 3;  ///< repetitions of each
  LearningOptions learning{};
};

struct CubeFindings {
  DegreeSpectra spectra;
  std::vector<Coefficients> courses;
};
/// Of each subject, in their order. Error(value) as MonomialTraining.
std::vector<CubeFindings> study_cube(Jobs& jobs, const std::vector<CubeSubject>& subjects,
                                     const CubeStudyOptions& options);

}  // namespace sonde::experiments
