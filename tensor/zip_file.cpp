#include "tensor/zip_file.hpp"

#include <zip.h>

#include <algorithm>
#include <exception>

namespace sonde {

struct ZipFile::State {
  explicit State(Descriptor& f) : file(f), size(f.size()) { zip_error_init(&told); }
  ~State() { zip_error_fini(&told); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  static zip_int64_t on_command(void* self, void* data, zip_uint64_t n, zip_source_cmd_t command);
  zip_int64_t carry_out(void* data, zip_uint64_t n, zip_source_cmd_t command);
  zip_int64_t seek(std::int64_t& position, void* data, zip_uint64_t n);

  Descriptor& file;
  std::int64_t size, reading = 0, writing = 0;  // places in the file
  std::exception_ptr error;
  zip_error_t told;
};

ZipFile::ZipFile(Descriptor& file) : state_(std::make_unique<State>(file)) {}
ZipFile::~ZipFile() = default;

zip_source* ZipFile::source(zip_error* error) {
  return zip_source_function_create(State::on_command, state_.get(), error);
}

void ZipFile::rethrow() const {
  if (state_->error) std::rethrow_exception(state_->error);
}

// No exception may pass through C.
zip_int64_t ZipFile::State::on_command(void* self, void* data, zip_uint64_t n,
                                       zip_source_cmd_t command) {
  auto& state = *static_cast<State*>(self);
  try {
    return state.carry_out(data, n, command);
  } catch (...) {
    state.error = std::current_exception();
    zip_error_set(&state.told, ZIP_ER_INTERNAL, 0);
    return -1;
  }
}

zip_int64_t ZipFile::State::seek(std::int64_t& position, void* data, zip_uint64_t n) {
  const zip_int64_t to = zip_source_seek_compute_offset(
      static_cast<zip_uint64_t>(position), static_cast<zip_uint64_t>(size), data, n, &told);
  if (to >= 0) position = to;
  return std::min<zip_int64_t>(to, 0);
}

zip_int64_t ZipFile::State::carry_out(void* data, zip_uint64_t n, zip_source_cmd_t command) {
  auto* bytes = static_cast<std::byte*>(data);
  switch (command) {
    case ZIP_SOURCE_OPEN:
      return reading = 0;
    case ZIP_SOURCE_BEGIN_WRITE:
      return writing = 0;
    case ZIP_SOURCE_READ: {
      const std::int64_t got = file.read_at(reading, {bytes, n});
      reading += got;
      return got;
    }
    case ZIP_SOURCE_WRITE:
      file.write_at(writing, {bytes, n});
      writing += static_cast<std::int64_t>(n);
      size = std::max(size, writing);
      return static_cast<zip_int64_t>(n);
    case ZIP_SOURCE_SEEK:
      return seek(reading, data, n);
    case ZIP_SOURCE_SEEK_WRITE:
      return seek(writing, data, n);
    case ZIP_SOURCE_TELL:
      return reading;
    case ZIP_SOURCE_TELL_WRITE:
      return writing;
    case ZIP_SOURCE_STAT: {
      auto* info = static_cast<zip_stat_t*>(data);
      zip_stat_init(info);
      info->size = static_cast<zip_uint64_t>(size);
      info->valid = ZIP_STAT_SIZE;
      return sizeof *info;
    }
    case ZIP_SOURCE_ERROR:
      return zip_error_to_data(&told, data, n);
    case ZIP_SOURCE_SUPPORTS:
      return zip_source_make_command_bitmap(
          ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR,
          ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_BEGIN_WRITE,
          ZIP_SOURCE_WRITE, ZIP_SOURCE_SEEK_WRITE, ZIP_SOURCE_TELL_WRITE, ZIP_SOURCE_COMMIT_WRITE,
          ZIP_SOURCE_ROLLBACK_WRITE, ZIP_SOURCE_REMOVE, -1);
    default:  // close, free, commit, roll back: nothing to be done
      return 0;
  }
}

}  // namespace sonde
