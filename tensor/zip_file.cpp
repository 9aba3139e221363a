#include "tensor/zip_file.hpp"

#include <algorithm>

namespace sonde {

ZipFile::ZipFile(Descriptor& file) : file_(file), size_(file.size()) {
  zip_error_init(&told_);
}

zip_source_t* ZipFile::source(zip_error_t* error) {
  return zip_source_function_create(on_command, this, error);
}

// No exception may pass through C.
zip_int64_t ZipFile::on_command(void* self, void* data, zip_uint64_t n, zip_source_cmd_t command) {
  auto& file = *static_cast<ZipFile*>(self);
  try {
    return file.carry_out(data, n, command);
  } catch (...) {
    file.error_ = std::current_exception();
    zip_error_set(&file.told_, ZIP_ER_INTERNAL, 0);
    return -1;
  }
}

zip_int64_t ZipFile::seek(std::int64_t& position, void* data, zip_uint64_t n) {
  const zip_int64_t to = zip_source_seek_compute_offset(
      static_cast<zip_uint64_t>(position), static_cast<zip_uint64_t>(size_), data, n, &told_);
  if (to >= 0) position = to;
  return std::min<zip_int64_t>(to, 0);
}

zip_int64_t ZipFile::carry_out(void* data, zip_uint64_t n, zip_source_cmd_t command) {
  auto* bytes = static_cast<std::byte*>(data);
  switch (command) {
    case ZIP_SOURCE_OPEN:
      return reading_ = 0;
    case ZIP_SOURCE_BEGIN_WRITE:
      return writing_ = 0;
    case ZIP_SOURCE_READ: {
      const std::int64_t got = file_.read_at(reading_, {bytes, n});
      reading_ += got;
      return got;
    }
    case ZIP_SOURCE_WRITE:
      file_.write_at(writing_, {bytes, n});
      writing_ += static_cast<std::int64_t>(n);
      size_ = std::max(size_, writing_);
      return static_cast<zip_int64_t>(n);
    case ZIP_SOURCE_SEEK:
      return seek(reading_, data, n);
    case ZIP_SOURCE_SEEK_WRITE:
      return seek(writing_, data, n);
    case ZIP_SOURCE_TELL:
      return reading_;
    case ZIP_SOURCE_TELL_WRITE:
      return writing_;
    case ZIP_SOURCE_STAT: {
      auto* info = static_cast<zip_stat_t*>(data);
      zip_stat_init(info);
      info->size = static_cast<zip_uint64_t>(size_);
      info->valid = ZIP_STAT_SIZE;
      return sizeof *info;
    }
    case ZIP_SOURCE_ERROR:
      return zip_error_to_data(&told_, data, n);
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
