#include "scenarios.hpp"

#include <zlib.h>

#include <new>

#include "experiments/common/checkpoint.hpp"
#include "experiments/common/lock_file.hpp"
#include "experiments/common/program.hpp"
#include "experiments/common/run_log.hpp"
#include "experiments/data/idx.hpp"
#include "experiments/data/images.hpp"
#include "finished_runs.hpp"
#include "shim.hpp"
#include "temp_folder.hpp"
#include "tensor/io_npy.hpp"
#include "tensor/io_npz.hpp"
#include "tensor/io_safetensors.hpp"
#include "tiny_data.hpp"
#include "toy_run.hpp"

namespace sonde::faults {
namespace {

using namespace sonde::experiments;
namespace fs = std::filesystem;

using Prepare = std::function<void(const fs::path&)>;
using Work = std::function<std::string(const fs::path&)>;

// Work of a library: an exception becomes the exit code that a program would end with.
std::function<Outcome(const fs::path&)> of_library(Work work) {
  return [work = std::move(work)](const fs::path& folder) -> Outcome {
    try {
      return {done, "", work(folder)};
    } catch (const Error& e) {
      disarm();  // what follows is no part of the work
      return {exit_code(e.code()), e.what(), ""};
    } catch (const std::bad_alloc&) {
      return {bad_data, "[S1050]", ""};
    }
  };
}

Scenario library(std::string name, Prepare prepare, Work work, Work again = {}) {
  return {std::move(name),
          std::move(prepare),
          of_library(std::move(work)),
          again ? of_library(std::move(again)) : nullptr,
          {}};
}

NamedTensors some_tensors(double value) {
  return {{"bias", Tensor::full({3}, value)},
          {"steps", Tensor::full({}, value, DType::i64)},
          {"weight", Tensor::full({40, 30}, value)}};
}

std::string digest(const Tensor& t) {
  const std::string elements = fmt::format("{}", fmt::join(t.to_vector<double>(), " "));
  return fmt::format("{} {:x}\n", t.shape(), std::hash<std::string>()(elements));
}

std::string digest(const NamedTensors& tensors) {
  std::string out;
  for (const auto& [name, t] : tensors) out += name + " " + digest(t);
  return out;
}

// A file of the old contents is replaced by one of the new.
Scenario writing(std::string name,
                 std::function<void(const std::string& path, const NamedTensors&)> save) {
  return library(
      std::move(name), [save](const fs::path& f) { save(f / "file", some_tensors(1)); },
      [save](const fs::path& f) {
        save(f / "file", some_tensors(2));
        return std::string();
      });
}

void write_gzip(const fs::path& path, const std::string& bytes) {
  const gzFile f = gzopen(path.c_str(), "wb");
  gzwrite(f, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(f);
}

// One file plain, the other not.
void write_data_set(const fs::path& folder) {
  write_tiny_mnist(folder);
  const fs::path images = folder / "mnist" / "train-images-idx3-ubyte";
  write_gzip(images.string() + ".gz", read_bytes(images));
  fs::remove(images);
}

// CIFAR-10: a class and 3 * 32 * 32 bytes each.
void write_cifar(const fs::path& folder) {
  std::string records;
  for (int i = 0; i < 10; ++i) records += static_cast<char>(i) + std::string(3072, 'p');
  write_gzip(folder / "data_batch_1.bin.gz", records);
  write_bytes(folder / "test_batch.bin", records);
}

std::string loaded(ImageRequest request) {
  request.train = 8;
  request.test = 4;
  const ImageData data = load_images(request);
  return data.description + digest(data.train.images) + digest(data.train.labels) +
         digest(data.test.images) + digest(data.test.labels);
}

Checkpoint checkpoint_at(int step) {
  return {{{"step", step}}, some_tensors(step)};
}

void two_checkpoints(const fs::path& folder) {
  CheckpointFiles files(folder);
  files.write(checkpoint_at(1));
  files.write(checkpoint_at(2));
}

std::string digest(const CheckpointFiles::Found& found) {
  return found.checkpoint.state.dump() + digest(found.checkpoint.tensors);
}

// A checkpoint is there, it is the last one or the new one, and its two files belong together.
std::string last_or_new_checkpoint(const fs::path& folder) {
  const auto found = CheckpointFiles(folder).read();
  if (!found) return "there is none";
  for (int step : {2, 3})
    if (digest(*found) == digest(CheckpointFiles::Found{checkpoint_at(step), {}})) return "";
  return "step " + found->checkpoint.state.dump();
}

// What cannot be read is passed over, and named.
std::string newest_readable_checkpoint(const fs::path& folder) {
  const auto found = CheckpointFiles(folder).read();
  const int step = found->damaged.empty() ? 2 : 1;
  return digest(*found) == digest(CheckpointFiles::Found{checkpoint_at(step), {}})
             ? ""
             : "neither of the two";
}

// A log of two lines that belong to a checkpoint, and one torn by a crash.
constexpr std::string_view kept_lines = "{\"step\":1}\n{\"step\":2}\n";
void torn_log(const fs::path& folder) {
  write_bytes(folder / "log.jsonl", std::string(kept_lines) + "{\"st");
}

std::string go_on_with_log(const fs::path& folder) {
  RunLog log(folder / "log.jsonl");
  log.truncate(kept_lines.size());
  for (int step : {3, 4, 5}) log.write({{"step", step}});
  return std::to_string(log.sync());
}

void nothing(const fs::path&) {}

// As long as the former run's checkpoints are there, only that one can be resumed.
Outcome resumed_or_started_over(const fs::path& folder) {
  const Outcome resumed = toy({"--resume", "--seed", "2"})(folder);
  return resumed.code == bad_usage ? toy({"--seed", "2"})(folder) : resumed;
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all{
      library(
          "text_write", [](const fs::path& f) { atomic_write(f / "file", "old"); },
          [](const fs::path& f) {
            atomic_write(f / "file", std::string(10'000, 'n'));
            return std::string();
          }),
      writing("safetensors_write",
              [](const std::string& path, const NamedTensors& t) { save_safetensors(path, t); }),
      library(
          "safetensors_read",
          [](const fs::path& f) { save_safetensors(f / "file", some_tensors(3)); },
          [](const fs::path& f) { return digest(load_safetensors(f / "file").tensors); }),
      writing("npy_write", [](const std::string& path,
                              const NamedTensors& t) { save_npy(path, t.at("weight")); }),
      library(
          "npy_read", [](const fs::path& f) { save_npy(f / "file", some_tensors(3).at("weight")); },
          [](const fs::path& f) { return digest(load_npy(f / "file")); }),
      writing("npz_write",
              [](const std::string& path, const NamedTensors& t) { save_npz(path, t, true); }),
      library(
          "npz_read", [](const fs::path& f) { save_npz(f / "file", some_tensors(3), true); },
          [](const fs::path& f) { return digest(load_npz(f / "file")); }),
      library(
          "idx_read",
          [](const fs::path& f) {
            write_bytes(f / "file", idx_bytes({50, 5}));
          },
          [](const fs::path& f) { return digest(read_idx(f / "file")); }),
      library(
          "idx_gzip_read",
          [](const fs::path& f) {
            write_gzip(f / "file", idx_bytes({50, 5}));
          },
          [](const fs::path& f) { return digest(read_idx(f / "file")); }),
      library("idx_images_load", write_data_set,
              [](const fs::path& f) { return loaded({.data = "mnist", .data_dir = f}); }),
      library("cifar_images_load", write_cifar,
              [](const fs::path& f) { return loaded({.data = f.string(), .data_dir = {}}); }),
      library(
          "checkpoint_write", two_checkpoints,
          [](const fs::path& f) {
            CheckpointFiles files(f);
            files.read();
            files.write(checkpoint_at(3));
            return std::string();
          },
          last_or_new_checkpoint),
      library("checkpoint_read", two_checkpoints, newest_readable_checkpoint),
      library("run_log", torn_log, go_on_with_log),
      library("lock", nothing,
              [](const fs::path& f) {
                const LockFile lock(f / ".lock");
                return std::string();
              }),
      library("sweep_failure", one_failure, another_failure),
      {"run_sweep_merged", finished_sweep, merge_sweep, {}, outputs_of_merge},
      {"run_page", finished_runs, page_of_runs, {}, {}},
      {"run_fresh", nothing, toy({}), toy({"--resume"}), outputs_of_toy},
      {"run_resumed", interrupted_toy, toy({"--resume"}), {}, outputs_of_toy},
      {"run_over_another", toy_before, toy({"--seed", "2"}), resumed_or_started_over,
       outputs_of_toy},
  };
  return all;
}

}  // namespace sonde::faults
