// Files of every kind that a reader may meet, good and hostile: one table for each format. The
// seeds in tests/fuzz/corpus are these samples.
#pragma once

#include <string>
#include <vector>

#include "tensor/error.hpp"

namespace sonde::hostile {

enum class Kind { good, hostile };

/// A file that is read.
struct Sample {
  Sample(std::string called, std::string file)
      : name(std::move(called)), bytes(std::move(file)), kind(Kind::good) {}
  /// A file that is refused, by an Error with `code` and these words in its message.
  Sample(std::string called, std::string file, std::string message,
         ErrorCode error = ErrorCode::format)
      : name(std::move(called)),
        bytes(std::move(file)),
        kind(Kind::hostile),
        words(std::move(message)),
        code(error) {}

  std::string name, bytes;
  Kind kind;
  std::string words;
  ErrorCode code = ErrorCode::format;
};

/// Its file's name in the corpus.
std::string seed_name(const Sample& sample);

std::vector<Sample> safetensors_samples();
std::vector<Sample> npy_samples();
std::vector<Sample> npz_samples();
std::vector<Sample> idx_samples();
std::vector<Sample> cifar_samples();
std::vector<Sample> gzip_samples();
std::vector<Sample> csv_samples();
std::vector<Sample> config_samples();
std::vector<Sample> checkpoint_samples();

}  // namespace sonde::hostile
