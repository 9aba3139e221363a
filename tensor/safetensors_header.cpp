#include "tensor/safetensors_header.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tensor/json_limits.hpp"
#include "tensor/load_bytes.hpp"

namespace sonde {
namespace {

using Json = nlohmann::json;

// So that the book-keeping of a hostile header stays below 64 MiB.
constexpr JsonLimits limits{.max_values = 1 << 21, .max_token = 4 << 20};
constexpr std::size_t max_names = 1 << 16;  // of tensors and of metadata

struct TypeName {
  std::string_view name;
  DType dtype;
};
constexpr TypeName type_names[] = {
    {"F32", DType::f32}, {"F64", DType::f64},      {"I32", DType::i32}, {"I64", DType::i64},
    {"U8", DType::u8},   {"BOOL", DType::boolean}, {"F16", DType::f16}, {"BF16", DType::bf16}};

[[noreturn]] void malformed(const std::string& file, std::string_view what) {
  fail(ErrorCode::format, "load_safetensors", "{}: header: {}", file, what);
}

// Follows the parser event by event and accepts nothing but the form of a header:
// {"__metadata__": {"k": "v"}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
class HeaderEvents final : public Json::json_sax_t {
 public:
  HeaderEvents(SafetensorsHeader& out, const std::string& file) : out_(out), file_(file) {}

  bool start_object(std::size_t) override {
    if (state_ == State::start) return enter(State::names);
    if (state_ == State::names && key_ == "__metadata__") return enter(State::metadata);
    if (state_ == State::names && has_key_) {
      if (out_.entries.size() == max_names) malformed(file_, "more than 65536 tensors");
      out_.entries.push_back({key_, {}, {}, 0, 0});
      seen_ = 0;
      return enter(State::fields);
    }
    unexpected("an object");
  }
  bool end_object() override {
    if (state_ == State::fields && seen_ != (type_seen | shape_seen | offsets_seen))
      malformed(file_, fmt::format("tensor '{}' lacks dtype, shape or data_offsets",
                                   out_.entries.back().name));
    return enter(state_ == State::names ? State::finished : State::names);
  }
  bool key(std::string& name) override {
    if (state_ == State::names && name == "__metadata__" && std::exchange(metadata_seen_, true))
      malformed(file_, "__metadata__ comes twice");
    if (state_ == State::metadata && out_.metadata.count(name))
      malformed(file_, fmt::format("the metadata '{}' comes twice", name));
    if (state_ == State::metadata && out_.metadata.size() == max_names)
      malformed(file_, "more than 65536 items of metadata");
    if (state_ == State::fields) field(name);
    key_ = name;
    has_key_ = true;
    return true;
  }
  bool string(std::string& text) override {
    if (state_ == State::metadata) {
      out_.metadata[key_] = text;
      return true;
    }
    if (state_ == State::fields && key_ == "dtype") return type(text);
    unexpected("a string");
  }
  bool start_array(std::size_t) override {
    if (state_ != State::fields || (key_ != "shape" && key_ != "data_offsets"))
      unexpected("a list");
    count_ = 0;
    return enter(State::list);
  }
  bool end_array() override {
    if (key_ == "data_offsets" && count_ != 2) malformed(file_, "data_offsets are not two numbers");
    return enter(State::fields);
  }
  bool number_unsigned(std::uint64_t v) override {
    if (state_ != State::list) unexpected("a number");
    if (v > INT64_MAX) malformed(file_, fmt::format("{} is too large", v));
    SafetensorsEntry& e = out_.entries.back();
    const auto value = static_cast<std::int64_t>(v);
    if (key_ == "shape") {
      if (e.shape.rank() == max_rank)
        malformed(file_, fmt::format("tensor '{}' has more than 8 dimensions", e.name));
      e.shape.push_back(value);
    } else if (count_ < 2) {
      (count_ == 0 ? e.begin : e.end) = value;
    }
    ++count_;
    return true;
  }
  bool null() override { unexpected("null"); }
  bool boolean(bool) override { unexpected("a boolean"); }
  bool number_integer(std::int64_t) override { unexpected("a negative number"); }
  bool number_float(double, const std::string&) override { unexpected("a fraction"); }
  bool binary(Json::binary_t&) override { unexpected("binary data"); }
  bool parse_error(std::size_t at, const std::string&,
                   const nlohmann::detail::exception&) override {
    malformed(file_, fmt::format("not JSON at byte {}", at));
  }

 private:
  enum class State { start, names, metadata, fields, list, finished };
  static constexpr int type_seen = 1, shape_seen = 2, offsets_seen = 4;

  bool enter(State s) {
    state_ = s;
    if (s != State::list && s != State::fields) has_key_ = false, key_.clear();
    return true;
  }
  [[noreturn]] void unexpected(std::string_view what) {
    malformed(file_, fmt::format("{} where none may be{}", what,
                                 has_key_ ? " (after '" + key_ + "')" : ""));
  }
  void field(const std::string& name) {
    const int bit = name == "dtype"          ? type_seen
                    : name == "shape"        ? shape_seen
                    : name == "data_offsets" ? offsets_seen
                                             : 0;
    if (bit == 0) malformed(file_, fmt::format("unknown field '{}'", name));
    if (seen_ & bit) malformed(file_, fmt::format("field '{}' comes twice", name));
    seen_ |= bit;
  }
  bool type(const std::string& text) {
    SafetensorsEntry& e = out_.entries.back();
    for (const TypeName& t : type_names)
      if (t.name == text) {
        e.dtype = t.dtype;
        return true;
      }
    malformed(file_, fmt::format("tensor '{}': element type '{}' is not supported", e.name, text));
  }

  SafetensorsHeader& out_;
  const std::string& file_;
  State state_ = State::start;
  std::string key_;
  bool has_key_ = false;
  int seen_ = 0, count_ = 0;
  bool metadata_seen_ = false;
};

void check_names(const SafetensorsHeader& h, const std::string& file) {
  std::vector<std::string_view> names;
  for (const SafetensorsEntry& e : h.entries) names.push_back(e.name);
  std::ranges::sort(names);
  if (const auto twice = std::ranges::adjacent_find(names); twice != names.end())
    malformed(file, fmt::format("the name '{}' comes twice", *twice));
}

// The tensors must fill the data from first to last byte, none upon another.
void check_layout(SafetensorsHeader& h, std::int64_t data_bytes, const std::string& file) {
  std::sort(h.entries.begin(), h.entries.end(), [](const auto& a, const auto& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::int64_t next = 0;
  for (const SafetensorsEntry& e : h.entries) {
    const std::string what = fmt::format("tensor '{}'", e.name);
    if (e.begin != next || e.end < e.begin)
      malformed(file, fmt::format("{} lies at [{}, {}), but byte {} is next", what, e.begin, e.end,
                                  next));
    const std::int64_t bytes = claimed_bytes(e.shape, e.dtype, file + ": header: " + what);
    if (bytes != e.end - e.begin)
      malformed(file, fmt::format("{} of shape {} takes {} bytes, its offsets span {}", what,
                                  e.shape, bytes, e.end - e.begin));
    next = e.end;
  }
  if (next != data_bytes)
    malformed(file, fmt::format("{} bytes are described, the file has {}", next, data_bytes));
}

}  // namespace

SafetensorsHeader parse_safetensors_header(const std::string& text, std::int64_t data_bytes,
                                           const std::string& file) {
  SafetensorsHeader out;
  if (!text.starts_with('{')) malformed(file, "does not begin with '{'");
  check_json_limits(text, limits, file + ": header");
  HeaderEvents events(out, file);
  Json::sax_parse(text, &events);
  check_names(out, file);
  check_layout(out, data_bytes, file);
  return out;
}

std::string_view safetensors_name(DType t) {
  return std::find_if(std::begin(type_names), std::end(type_names),
                      [t](const TypeName& n) { return n.dtype == t; })
      ->name;
}

}  // namespace sonde
