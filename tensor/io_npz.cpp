#include "tensor/io_npz.hpp"

#include <zip.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

#include "tensor/io_npy.hpp"
#include "tensor/zip_directory.hpp"
#include "tensor/zip_file.hpp"

namespace sonde {
namespace {

constexpr std::string_view suffix = ".npy";

// How an archive's errors are told. Those of its file are the file's own.
struct Teller {
  std::string_view op;
  ErrorCode code;       // of what libzip finds wrong
  const ZipFile* file;  // none if the archive is bytes in memory
  [[noreturn]] void failed(zip_error_t* e, const std::string& where) const {
    const bool memory = errno == ENOMEM;  // libzip does not always say so
    if (file) file->rethrow();
    fail(memory ? ErrorCode::memory : code, op, "{}: {}", where, zip_error_strerror(e));
  }
};

struct ErrorText {
  ErrorText() { zip_error_init(&error); }
  ~ErrorText() { zip_error_fini(&error); }
  zip_error_t error;
};

struct Discard {
  void operator()(zip_t* z) const { zip_discard(z); }
  void operator()(zip_file_t* f) const { zip_fclose(f); }
};
using Archive = std::unique_ptr<zip_t, Discard>;
using Member = std::unique_ptr<zip_file_t, Discard>;

struct FreeSource {
  void operator()(zip_source_t* s) const { zip_source_free(s); }
};

void check_directory(zip_source_t* source, const Teller& teller, const std::string& name) {
  try {
    check_zip_directory(source, name);
  } catch (const Error&) {
    if (teller.file) teller.file->rethrow();
    throw;
  }
}

// Takes the source over, whether it succeeds or not.
Archive open_archive(zip_source_t* taken, int flags, ErrorText& e, const Teller& teller,
                     const std::string& name) {
  std::unique_ptr<zip_source_t, FreeSource> source(taken);
  if (!source) teller.failed(&e.error, name);
  errno = 0;
  if (flags & ZIP_RDONLY) check_directory(source.get(), teller, name);
  Archive archive(zip_open_from_source(source.get(), flags, &e.error));
  if (!archive) teller.failed(&e.error, name);
  (void)source.release();  // the archive's now
  return archive;
}

// One member, inflated as it is read.
class MemberStream final : public ByteStream {
 public:
  MemberStream(std::string name, std::int64_t claimed, Member member, const Teller& teller)
      : ByteStream(std::move(name), claimed, false), member_(std::move(member)), teller_(teller) {}

  std::int64_t read_some(std::byte* to, std::int64_t n) override {
    std::int64_t done = 0;
    while (done < n) {
      const std::int64_t got =
          zip_fread(member_.get(), to + done, static_cast<zip_uint64_t>(n - done));
      if (got < 0) teller_.failed(zip_file_get_error(member_.get()), name());
      if (got == 0) break;
      done += got;
    }
    took(done);
    return done;
  }
  // The checksum is compared when the end is met.
  void expect_end() {
    std::byte extra;
    if (read_some(&extra, 1) != 0)
      fail(ErrorCode::format, "load_npz", "{}: longer than it claims", name());
  }

 private:
  Member member_;
  const Teller& teller_;
};

Tensor read_member(zip_t* archive, const zip_stat_t& info, const Teller& teller,
                   const std::string& where) {
  Member member(zip_fopen_index(archive, info.index, 0));
  if (!member) teller.failed(zip_get_error(archive), where);
  MemberStream stream(where, static_cast<std::int64_t>(info.size), std::move(member), teller);
  Tensor t = read_npy(stream);
  stream.expect_end();
  return t;
}

NamedTensors read_archive(zip_t* archive, const Teller& teller, const std::string& file,
                          NpzLimits limits) {
  NamedTensors out;
  std::int64_t left = limits.max_bytes;
  const std::int64_t count = zip_get_num_entries(archive, 0);
  for (std::int64_t i = 0; i < count; ++i) {
    zip_stat_t info;
    constexpr zip_uint64_t needed = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_INDEX;
    if (zip_stat_index(archive, static_cast<zip_uint64_t>(i), 0, &info) != 0 ||
        (info.valid & needed) != needed)
      fail(ErrorCode::format, "load_npz", "{}: member {} cannot be described", file, i);
    const std::string name = info.name, where = fmt::format("{}: member '{}'", file, name);
    if (!name.ends_with(suffix)) fail(ErrorCode::format, "load_npz", "{}: not an .npy file", where);
    if (info.size > static_cast<zip_uint64_t>(left))
      fail_hint(ErrorCode::format, "load_npz",
                "raise NpzLimits::max_bytes if the file is to be trusted",
                "{}: {} bytes are beyond the limit of {}", where, info.size, limits.max_bytes);
    left -= static_cast<std::int64_t>(info.size);
    const auto [slot, fresh] = out.try_emplace(name.substr(0, name.size() - suffix.size()));
    if (!fresh) fail(ErrorCode::format, "load_npz", "{}: comes twice", where);
    slot->second = read_member(archive, info, teller, where);
  }
  return out;
}

// libzip answers with a negative number or a null pointer.
template <class Result>
Result checked(Result result, zip_t* archive, const Teller& teller, const std::string& path) {
  bool failed;
  if constexpr (std::is_pointer_v<Result>)
    failed = result == nullptr;
  else
    failed = result < 0;
  if (failed) teller.failed(zip_get_error(archive), path);
  return result;
}

// What a member is made of must live until the archive is closed.
struct Content {
  Content(const Tensor& t) : header(npy_header(t.spec())), elements(t.to(Device{}).contiguous()) {
    fragments[0] = {reinterpret_cast<zip_uint8_t*>(header.data()), header.size()};
    fragments[1] = {reinterpret_cast<zip_uint8_t*>(elements.bytes()),
                    static_cast<zip_uint64_t>(elements.numel() * size_of(elements.dtype()))};
  }
  std::string header;
  Tensor elements;
  zip_buffer_fragment_t fragments[2];
};

void add_member(zip_t* archive, const std::string& name, Content& content, bool compress,
                const Teller& teller, const std::string& path) {
  auto check = [&](auto result) { return checked(result, archive, teller, path); };
  zip_source_t* source = check(zip_source_buffer_fragment(archive, content.fragments, 2, 0));
  const zip_int64_t index =
      zip_file_add(archive, (name + std::string(suffix)).c_str(), source, ZIP_FL_ENC_UTF_8);
  if (index < 0) zip_source_free(source);
  const auto i = static_cast<zip_uint64_t>(check(index));
  check(zip_set_file_compression(archive, i, compress ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0));
  check(zip_file_set_dostime(archive, i, 0, 0x21, 0));  // 1 January 1980, as NumPy does
}

void write_archive(Descriptor& aside, const NamedTensors& tensors, bool compress,
                   const std::string& path) {
  ZipFile file(aside);
  const Teller teller{"save_npz", ErrorCode::file, &file};
  ErrorText e;
  std::vector<std::unique_ptr<Content>> contents;
  Archive archive = open_archive(file.source(&e.error), ZIP_TRUNCATE, e, teller, path);
  for (const auto& [name, tensor] : tensors) {
    contents.push_back(std::make_unique<Content>(tensor));
    add_member(archive.get(), name, *contents.back(), compress, teller, path);
  }
  checked(zip_close(archive.get()), archive.get(), teller, path);
  (void)archive.release();  // zip_close has freed it
}

// libzip takes no bytes at all for an archive without members.
void refuse_empty(std::int64_t size, const std::string& name) {
  if (size == 0) fail(ErrorCode::format, "load_npz", "{}: is empty", name);
}

// libzip writes no archive without members; this is what one looks like.
constexpr std::string_view empty_archive("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);

}  // namespace

NamedTensors load_npz(const std::string& path, NpzLimits limits) {
  Descriptor opened = open_regular("load_npz", path);
  refuse_empty(opened.size(), path);
  ZipFile file(opened);
  const Teller teller{"load_npz", ErrorCode::format, &file};
  ErrorText e;
  const Archive archive = open_archive(file.source(&e.error), ZIP_RDONLY, e, teller, path);
  return read_archive(archive.get(), teller, path, limits);
}

NamedTensors read_npz(std::span<const std::byte> bytes, NpzLimits limits) {
  const std::string name = "memory";
  refuse_empty(static_cast<std::int64_t>(bytes.size()), name);
  const Teller teller{"load_npz", ErrorCode::format, nullptr};
  ErrorText e;
  const Archive archive =
      open_archive(zip_source_buffer_create(bytes.data(), bytes.size(), 0, &e.error), ZIP_RDONLY, e,
                   teller, name);
  return read_archive(archive.get(), teller, name, limits);
}

void save_npz(const std::string& path, const NamedTensors& tensors, bool compress) {
  if (tensors.empty()) return atomic_write(path, empty_archive);
  atomic_write(path, [&](Descriptor& aside) { write_archive(aside, tensors, compress, path); });
}

}  // namespace sonde
