#include "tests/fuzz/readers.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "experiments/common/checkpoint.hpp"
#include "experiments/common/cli.hpp"
#include "experiments/common/run_log.hpp"
#include "experiments/data/cifar.hpp"
#include "experiments/data/gzip.hpp"
#include "experiments/data/idx.hpp"
#include "experiments/data/table.hpp"
#include "tensor/allocator.hpp"
#include "tensor/io_npy.hpp"
#include "tensor/io_npz.hpp"
#include "tensor/io_safetensors.hpp"
#include "tests/fuzz/checkpoint_folder.hpp"

namespace sonde::hostile {
namespace {

namespace fs = std::filesystem;
namespace ex = sonde::experiments;

constexpr std::int64_t data_limit = 2 << 20;  // for data sets; larger seeds teach no more

// A folder in memory, for this process and this input alone.
class MemoryFolder {
 public:
  MemoryFolder() : path_(fmt::format("/dev/shm/sonde-hostile-{}", ::getpid())) {
    fs::remove_all(path_);
    fs::create_directory(path_);
  }
  ~MemoryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  MemoryFolder(const MemoryFolder&) = delete;
  MemoryFolder& operator=(const MemoryFolder&) = delete;
  fs::path operator/(const std::string& name) const { return path_ / name; }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void write_plain(const fs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

void read_config(std::span<const std::byte> bytes) {
  const MemoryFolder folder;
  const std::string path = (folder / "config.json").string();
  write_plain(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  ex::Cli cli({.name = "toy", .measures = "", .paper = "", .cost = ""});
  std::int64_t steps = 0;
  double rate = 0;
  std::vector<double> scales;
  std::string model = "mlp";
  bool extra = false;
  cli.integer("steps", steps, {1, 2, 3}, {1, 1000}, "");
  cli.real("rate", rate, {0.1, 0.2, 0.3}, {0, 1}, "");
  cli.reals("scales", scales, {{1}, {1}, {1}}, {0, 10}, "");
  cli.choice("model", model, {"mlp", "cnn"}, "");
  cli.flag("extra", extra, "");
  const char* words[] = {"toy", "--config", path.c_str()};
  cli.parse(3, words);
  ex::parse_json(cli.resolved().dump(), "what it understood");
}

void read_checkpoint(std::span<const std::byte> bytes) {
  const MemoryFolder folder;
  for (const FolderFile& f : unpacked_folder(bytes)) write_plain(folder / f.name, f.bytes);
  ex::CheckpointFiles files(folder.path());
  const auto found = files.read();
  if (found && found->checkpoint.state.contains("run"))
    ex::RunLog(folder / "log.jsonl")
        .truncate(ex::integer_at<std::int64_t>(found->checkpoint.state["run"], "log_bytes"));
  files.write({{{"written", true}}, {{"x", Tensor::scalar(1)}}});
  const auto again = ex::CheckpointFiles(folder.path()).read();
  if (!again || !again->checkpoint.state.contains("written"))
    throw std::logic_error("what was written is not what is read");
}

}  // namespace

const std::vector<Format>& formats() {
  using Bytes = std::span<const std::byte>;
  static const std::vector<Format> all{
      {"safetensors",
       [](Bytes b) {
         MemoryStream in(b);
         read_safetensors(in);
       },
       safetensors_samples},
      {"npy",
       [](Bytes b) {
         MemoryStream in(b);
         read_npy(in).contiguous();
       },
       npy_samples},
      {"npz", [](Bytes b) { read_npz(b); }, npz_samples},
      {"idx",
       [](Bytes b) {
         MemoryStream in(b);
         ex::read_idx(in, data_limit);
       },
       idx_samples},
      {"cifar",
       [](Bytes b) {
         MemoryStream in(b);
         ex::read_cifar(in, 2 * data_limit);
       },
       cifar_samples},
      {"gzip",
       [](Bytes b) {
         MemoryStream in(b);
         ex::read_maybe_gzipped(in, data_limit);
       },
       gzip_samples},
      {"csv",
       [](Bytes b) {
         ex::read_csv({reinterpret_cast<const char*>(b.data()), b.size()}, "data.csv", "");
       },
       csv_samples},
      {"config", read_config, config_samples},
      {"checkpoint", read_checkpoint, checkpoint_samples},
  };
  return all;
}

const Format& format(const std::string& name) {
  const auto found = std::ranges::find(formats(), name, &Format::name);
  if (found == formats().end()) fail(ErrorCode::usage, "hostile", "no format is called {}", name);
  return *found;
}

void read_or_refuse(const Format& format, std::span<const std::byte> bytes) {
  set_memory_limit(64 << 20);
  try {
    format.read(bytes);
  } catch (const Error& e) {
    const auto allowed = {ErrorCode::format, ErrorCode::memory, ErrorCode::size, ErrorCode::usage};
    if (std::ranges::find(allowed, e.code()) == allowed.end()) throw;
  }
}

}  // namespace sonde::hostile
