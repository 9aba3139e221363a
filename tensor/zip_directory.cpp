#include "tensor/zip_directory.hpp"

#include <zip.h>

#include <algorithm>
#include <string_view>

#include "tensor/error.hpp"

namespace sonde {
namespace {

// Records of the format (PKWARE's APPNOTE 4.3.14 to 4.3.16), with the offsets of what is read here.
constexpr std::string_view end_mark = "PK\5\6", locator_mark = "PK\6\7";
constexpr std::size_t end_size = 22, longest_comment = 65535, locator_size = 20, locator_offset = 8,
                      wide_end_size = 56, wide_end_members = 32;
constexpr std::uint64_t max_members = 1 << 16;
constexpr int max_places = 16;

// A source that is open for as long as this object lives.
class OpenSource {
 public:
  OpenSource(zip_source* source, const std::string& name) : source_(source), name_(name) {
    zip_stat_t info;
    opened_ = zip_source_open(source_) == 0;
    if (!opened_ || zip_source_stat(source_, &info) != 0 || !(info.valid & ZIP_STAT_SIZE))
      fail(ErrorCode::file, "load_npz", "{}: cannot be read", name_);
    size_ = info.size;
  }
  ~OpenSource() {
    if (opened_) zip_source_close(source_);
  }
  OpenSource(const OpenSource&) = delete;
  OpenSource& operator=(const OpenSource&) = delete;

  std::uint64_t size() const { return size_; }
  // The bytes from `at`, fewer at the end.
  std::string read(std::uint64_t at, std::size_t n) {
    std::string out(
        static_cast<std::size_t>(std::min<std::uint64_t>(n, size_ - std::min(at, size_))), '\0');
    if (out.empty()) return out;
    if (zip_source_seek(source_, static_cast<zip_int64_t>(at), SEEK_SET) != 0 ||
        zip_source_read(source_, out.data(), out.size()) != static_cast<zip_int64_t>(out.size()))
      fail(ErrorCode::file, "load_npz", "{}: cannot be read", name_);
    return out;
  }

 private:
  zip_source* source_;
  const std::string& name_;
  bool opened_ = false;
  std::uint64_t size_ = 0;
};

std::uint64_t number_at(std::string_view bytes, std::size_t at) {
  std::uint64_t v = 0;
  for (std::size_t i = 8; i-- > 0;) v = v << 8 | static_cast<unsigned char>(bytes[at + i]);
  return v;
}

// Members by the wide end record that the locator in front of an end record points to; 0 if there
// is none. Without it there are at most 65,535.
std::uint64_t wide_members(OpenSource& file, std::string_view before_end) {
  if (before_end.size() < locator_size) return 0;
  const std::string_view locator = before_end.substr(before_end.size() - locator_size);
  if (!locator.starts_with(locator_mark)) return 0;
  const std::string record = file.read(number_at(locator, locator_offset), wide_end_size);
  return record.size() < wide_end_size ? 0 : number_at(record, wide_end_members);
}

}  // namespace

void check_zip_directory(zip_source* source, const std::string& name) {
  OpenSource file(source, name);
  constexpr std::uint64_t tail_size = locator_size + end_size + longest_comment + 1;
  const std::uint64_t begin = file.size() - std::min(file.size(), tail_size);
  const std::string tail = file.read(begin, tail_size);
  int places = 0;
  for (std::size_t at = 0; (at = tail.find(end_mark, at)) != std::string::npos; ++at) {
    if (++places > max_places)
      fail(ErrorCode::format, "load_npz", "{}: more than {} ends of a zip directory", name,
           max_places);
    if (wide_members(file, std::string_view(tail).substr(0, at)) > max_members)
      fail(ErrorCode::format, "load_npz", "{}: more than {} members", name, max_members);
  }
}

}  // namespace sonde
