/// @file
/// What libzip reads from and writes to: an open file of ours, so that its errors are those of all
/// our files.
#pragma once

#include <zip.h>

#include <exception>

#include "tensor/descriptor.hpp"

namespace sonde {

class ZipFile {
 public:
  /// The file must outlive this object, and this object the archive.
  explicit ZipFile(Descriptor& file);
  ~ZipFile() { zip_error_fini(&told_); }
  ZipFile(const ZipFile&) = delete;
  ZipFile& operator=(const ZipFile&) = delete;

  /// For zip_open_from_source, which takes it over; null if there is no memory.
  zip_source_t* source(zip_error_t* error);
  /// Throws what went wrong with the file, if anything did; libzip knows only that.
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  static zip_int64_t on_command(void* self, void* data, zip_uint64_t n, zip_source_cmd_t command);
  zip_int64_t carry_out(void* data, zip_uint64_t n, zip_source_cmd_t command);
  zip_int64_t seek(std::int64_t& position, void* data, zip_uint64_t n);

  Descriptor& file_;
  std::int64_t size_, reading_ = 0, writing_ = 0;  // places in the file
  std::exception_ptr error_;
  zip_error_t told_;
};

}  // namespace sonde
