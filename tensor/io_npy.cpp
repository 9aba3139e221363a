#include "tensor/io_npy.hpp"

#include <charconv>
#include <optional>

#include "tensor/load_bytes.hpp"

namespace sonde {
namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::int64_t max_header = 10000;  // NumPy's own limit

struct TypeCode {
  std::string_view code;  // without the byte order
  DType dtype;
};
constexpr TypeCode type_codes[] = {{"f4", DType::f32}, {"f8", DType::f64}, {"i4", DType::i32},
                                   {"i8", DType::i64}, {"u1", DType::u8},  {"b1", DType::boolean},
                                   {"f2", DType::f16}, {"V2", DType::bf16}};

struct Header {
  Dims shape;
  DType dtype = DType::f32;
  bool swap = false, fortran = false;
};

// Reads the one Python literal that a header may hold:
// {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } followed by white space.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& file) : rest_(text), file_(file) {}

  Header parse() {
    expect('{');
    bool seen_type = false, seen_order = false, seen_shape = false;
    while (!accept('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr")
        type(once(seen_type, key));
      else if (key == "fortran_order")
        once(seen_order, key).fortran = boolean();
      else if (key == "shape")
        shape(once(seen_shape, key));
      else
        fail_here("unknown key");
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (!rest_.empty()) fail_here("text after the dictionary");
    if (!seen_type || !seen_order || !seen_shape)
      fail_here("descr, fortran_order or shape is missing");
    return header_;
  }

 private:
  [[noreturn]] void fail_here(std::string_view what) {
    fail(ErrorCode::format, "load_npy", "{}: header: {}", file_, what);
  }
  Header& once(bool& seen, std::string_view key) {
    if (seen) fail_here(fmt::format("{} is named twice", key));
    seen = true;
    return header_;
  }
  void skip_space() {
    const auto n = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(n == std::string_view::npos ? rest_.size() : n);
  }
  bool accept(char c) {
    skip_space();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail_here(fmt::format("'{}' expected", c));
  }
  bool accept_word(std::string_view word) {
    skip_space();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  std::string_view quoted() {
    skip_space();
    const char mark = rest_.empty() ? ' ' : rest_[0];
    if (mark != '\'' && mark != '"') fail_here("a quoted word expected");
    const auto end = rest_.find(mark, 1);
    if (end == std::string_view::npos) fail_here("a quoted word does not end");
    const std::string_view word = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return word;
  }
  bool boolean() {
    if (accept_word("True")) return true;
    if (!accept_word("False")) fail_here("True or False expected");
    return false;
  }
  void type(Header& h) {
    const std::string_view text = quoted();
    for (const TypeCode& t : type_codes)
      if (text.size() == 3 && text.substr(1) == t.code) {
        if (text[0] != '<' && text[0] != '>' && text[0] != '|' && text[0] != '=') break;
        h.dtype = t.dtype;
        h.swap = text[0] == '>' && size_of(t.dtype) > 1;
        return;
      }
    fail_hint(ErrorCode::format, "load_npy", "convert with astype to one of f2 f4 f8 i4 i8 u1 b1",
              "{}: element type is not supported", file_);
  }
  std::int64_t size() {
    skip_space();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc() || value < 0) fail_here("a size is not a number from 0 to 2^63-1");
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    accept('L');  // written by Python 2
    return value;
  }
  void shape(Header& h) {
    expect('(');
    while (!accept(')')) {
      if (h.shape.rank() == max_rank) fail_here("more than 8 dimensions");
      h.shape.push_back(size());
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
  }

  std::string_view rest_;
  const std::string& file_;
  Header header_;
};

std::uint32_t little_endian(const unsigned char* p, int n) {
  std::uint32_t v = 0;
  for (int i = n - 1; i >= 0; --i) v = v << 8 | p[i];
  return v;
}

Header read_header(ByteStream& in) {
  unsigned char start[8], length_bytes[4];
  in.read(reinterpret_cast<std::byte*>(start), 8);
  if (std::string_view(reinterpret_cast<char*>(start), 6) != magic)
    fail(ErrorCode::format, "load_npy", "{}: does not begin as an .npy file", in.name());
  const int version = start[6];
  if (version < 1 || version > 3 || start[7] != 0)
    fail(ErrorCode::format, "load_npy", "{}: version {}.{} is unknown", in.name(), version,
         start[7]);
  const int width = version == 1 ? 2 : 4;
  in.read(reinterpret_cast<std::byte*>(length_bytes), width);
  const std::int64_t length = little_endian(length_bytes, width);
  if (length > max_header)
    fail(ErrorCode::format, "load_npy", "{}: header of {} bytes, at most {} are taken", in.name(),
         length, max_header);
  std::string text(static_cast<std::size_t>(std::min(length, in.remaining())), ' ');
  in.read(reinterpret_cast<std::byte*>(text.data()), length);
  return HeaderParser(text, in.name()).parse();
}

Dims reversed(const Dims& d) {
  Dims out;
  for (int i = d.rank() - 1; i >= 0; --i) out.push_back(d[i]);
  return out;
}

}  // namespace

Tensor read_npy(ByteStream& in) {
  const Header h = read_header(in);
  const std::int64_t bytes = claimed_bytes(h.shape, h.dtype, in.name());
  if (bytes != in.remaining())
    fail(ErrorCode::format, "load_npy", "{}: shape {} of {} takes {} bytes, the file has {}",
         in.name(), h.shape, h.dtype, bytes, in.remaining());
  if (!h.fortran) return load_elements(in, h.shape, h.dtype, h.swap);
  const Tensor t = load_elements(in, reversed(h.shape), h.dtype, h.swap);
  Dims axes;
  for (int i = t.rank() - 1; i >= 0; --i) axes.push_back(i);
  return t.permute(axes);
}

Tensor load_npy(const std::string& path) {
  FileStream in(path);
  return read_npy(in);
}

std::string npy_header(const Spec& spec) {
  std::string_view code;
  for (const TypeCode& t : type_codes)
    if (t.dtype == spec.dtype) code = t.code;
  std::string shape;
  for (std::int64_t d : spec.shape) shape += fmt::format("{}{}", shape.empty() ? "" : ", ", d);
  if (spec.shape.rank() == 1) shape += ",";
  std::string text = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                 size_of(spec.dtype) == 1 ? '|' : '<', code, shape);
  const std::size_t prefix = magic.size() + 4;
  text.append(63 - (prefix + text.size()) % 64, ' ')
      .push_back('\n');  // elements begin at a multiple of 64
  std::string out(magic);
  out += {'\1', '\0', static_cast<char>(text.size() & 255), static_cast<char>(text.size() >> 8)};
  return out + text;
}

void save_npy(const std::string& path, const Tensor& t) {
  const std::string header = npy_header(t.spec());
  const Tensor c = t.to(Device{}).contiguous();
  const std::span<const std::byte> parts[] = {
      std::as_bytes(std::span(header)),
      {c.bytes(), static_cast<std::size_t>(c.numel() * size_of(c.dtype()))}};
  atomic_write(path, parts);
}

}  // namespace sonde
