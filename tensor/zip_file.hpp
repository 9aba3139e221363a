/// @file
/// What libzip reads from and writes to: an open file of ours, so that its errors are those of all
/// our files.
#pragma once

#include <memory>

#include "tensor/descriptor.hpp"

struct zip_error;
struct zip_source;

namespace sonde {

class ZipFile {
 public:
  /// The file must outlive this object, and this object the archive.
  explicit ZipFile(Descriptor& file);
  ~ZipFile();
  ZipFile(const ZipFile&) = delete;
  ZipFile& operator=(const ZipFile&) = delete;

  /// For zip_open_from_source, which takes it over; null if there is no memory.
  zip_source* source(zip_error* error);
  /// Throws what went wrong with the file, if anything did; libzip knows only that.
  void rethrow() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sonde
