#include "experiments/common/checkpoint.hpp"

#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <new>

#include "experiments/common/folder.hpp"

namespace sonde::experiments {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t largest_number = 1'000'000'000'000;
constexpr std::string_view stem = "checkpoint.", manifest_ending = ".json";

// XXH3 of bytes that come in pieces, as 16 hexadecimal digits.
class Checksum {
 public:
  Checksum() {
    if (!state_) throw std::bad_alloc();
    XXH3_64bits_reset(state_.get());
  }
  void add(const void* bytes, std::size_t n) { XXH3_64bits_update(state_.get(), bytes, n); }
  std::string text() const { return fmt::format("{:016x}", XXH3_64bits_digest(state_.get())); }

 private:
  struct Free {
    void operator()(XXH3_state_t* s) const { XXH3_freeState(s); }
  };
  std::unique_ptr<XXH3_state_t, Free> state_{XXH3_createState()};
};

std::string checksum_of(std::string_view text) {
  Checksum sum;
  sum.add(text.data(), text.size());
  return sum.text();
}

// A manifest begins with the checksum of all that follows, so that every changed bit is noticed.
std::string manifest_start(std::string_view rest) {
  return fmt::format("{{\"xxh3\":\"{}\",", checksum_of(rest));
}

std::string manifest_text(const Json& manifest) {
  const std::string rest = manifest.dump(1).substr(1) + "\n";  // without its first brace
  return manifest_start(rest) + rest;
}

Json read_manifest(const fs::path& path) {
  const std::size_t start = manifest_start("").size();
  const std::string text = read_text(path);
  const std::string_view rest = std::string_view(text).substr(std::min(start, text.size()));
  if (!text.starts_with(manifest_start(rest)))
    fail(ErrorCode::format, "checkpoint", "{} does not begin with its checksum", path.string());
  return parse_json(text, path.string());
}

std::string checksum_of_file(const fs::path& path) {
  FileStream in(path.string());
  std::vector<std::byte> block(std::size_t{1} << 20);
  Checksum sum;
  while (const std::int64_t got =
             in.read_some(block.data(), static_cast<std::int64_t>(block.size())))
    sum.add(block.data(), static_cast<std::size_t>(got));
  return sum.text();
}

// The number in "checkpoint.<n>.json", without leading zeros; nothing for other names.
std::optional<std::int64_t> number_of(const std::string& name) {
  if (!name.starts_with(stem) || !name.ends_with(manifest_ending)) return {};
  const char *first = name.data() + stem.size(),
             *last = name.data() + name.size() - manifest_ending.size();
  std::int64_t number = 0;
  if (first >= last) return {};
  const auto [end, error] = std::from_chars(first, last, number);
  if (error != std::errc() || end != last || *first == '0' || number < 1 || number > largest_number)
    return {};
  return number;
}

}  // namespace

const Tensor& Checkpoint::tensor(const std::string& name) const {
  const auto found = tensors.find(name);
  if (found == tensors.end()) fail(ErrorCode::format, "checkpoint", "holds no tensor {}", name);
  return found->second;
}

NamedTensors Checkpoint::tensors_under(const std::string& prefix) const {
  NamedTensors out;
  for (const auto& [name, tensor] : tensors)
    if (name.starts_with(prefix)) out.emplace(name.substr(prefix.size()), tensor);
  return out;
}

void Checkpoint::add(const std::string& prefix, const NamedTensors& more) {
  for (const auto& [name, tensor] : more) tensors[prefix + name] = tensor;
}

fs::path CheckpointFiles::tensors_file(std::int64_t number) const {
  return folder_ / fmt::format("{}{}.safetensors", stem, number);
}

fs::path CheckpointFiles::manifest_file(std::int64_t number) const {
  return folder_ / fmt::format("{}{}{}", stem, number, manifest_ending);
}

// Of all manifests, the newest first.
std::vector<std::int64_t> CheckpointFiles::numbers() const {
  std::vector<std::int64_t> out;
  for (const std::string& name : names_in(folder_))
    if (const auto number = number_of(name)) out.push_back(*number);
  std::ranges::sort(out, std::greater());
  return out;
}

void CheckpointFiles::write(const Checkpoint& checkpoint) {
  const std::vector<std::int64_t> earlier = numbers();
  const std::int64_t number = earlier.empty() ? 1 : earlier.front() + 1;
  if (number > largest_number)
    fail_hint(ErrorCode::format, "checkpoint", "remove it", "{}: no larger number is left",
              manifest_file(number - 1).string());
  const fs::path tensors = tensors_file(number);
  save_safetensors(tensors.string(), checkpoint.tensors);
  const Json manifest{{"number", number},
                      {"tensors_bytes", FileStream(tensors.string()).remaining()},
                      {"tensors_xxh3", checksum_of_file(tensors)},
                      {"state", checkpoint.state}};
  atomic_write(manifest_file(number).string(), manifest_text(manifest));
  remove_all_but(number, last_);
  last_ = number;
}

Checkpoint CheckpointFiles::read(std::int64_t number) const {
  const fs::path path = manifest_file(number), tensors = tensors_file(number);
  const Json manifest = read_manifest(path);
  if (integer_at<std::int64_t>(manifest, "number") != number)
    fail(ErrorCode::format, "checkpoint", "{} is the manifest of another number", path.string());
  Checkpoint checkpoint;
  const auto bytes = integer_at<std::int64_t>(manifest, "tensors_bytes");
  std::string tensors_sum;
  try {
    checkpoint.state = manifest.at("state");
    tensors_sum = manifest.at("tensors_xxh3").get<std::string>();
  } catch (const Json::exception& e) {
    fail(ErrorCode::format, "checkpoint", "{}: {}", path.string(), e.what());
  }
  if (!checkpoint.state.is_object())
    fail(ErrorCode::format, "checkpoint", "{}: the state is no object", path.string());
  if (FileStream(tensors.string()).remaining() != bytes)
    fail(ErrorCode::format, "checkpoint", "{} has not its {} bytes", tensors.string(), bytes);
  if (checksum_of_file(tensors) != tensors_sum)
    fail(ErrorCode::format, "checkpoint", "{} has not its checksum", tensors.string());
  checkpoint.tensors = load_safetensors(tensors.string()).tensors;
  return checkpoint;
}

std::optional<CheckpointFiles::Found> CheckpointFiles::read() {
  Found found;
  for (const std::int64_t number : numbers()) {
    try {
      found.checkpoint = read(number);
      last_ = number;
      return found;
    } catch (const Error& e) {
      if (e.code() == ErrorCode::memory) throw;  // that says nothing about the file
      found.damaged.push_back(e.message());
    }
  }
  if (found.damaged.empty()) return {};
  fail(ErrorCode::format, "checkpoint", "all are damaged: {}", fmt::join(found.damaged, "; "));
}

// The newest manifest is whole by now; an older pair goes with its manifest first.
void CheckpointFiles::remove_all_but(std::int64_t newest, std::int64_t other) {
  for (const std::int64_t number : numbers())
    if (number != newest && number != other) remove_file(manifest_file(number));
  remove_files(folder_, [&](const std::string& name) {
    const fs::path path = folder_ / name;
    return name.starts_with(stem) && path != tensors_file(newest) &&
           path != manifest_file(newest) && path != tensors_file(other) &&
           path != manifest_file(other);
  });
}

void CheckpointFiles::remove() {
  remove_all_but(0, 0);
  last_ = 0;
}

}  // namespace sonde::experiments
