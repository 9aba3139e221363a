#include "tensor/io_safetensors.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tensor/load_bytes.hpp"
#include "tensor/safetensors_header.hpp"

namespace sonde {
namespace {

constexpr std::int64_t max_header = 100'000'000, length_bytes = 8;

std::string read_header_text(ByteStream& in) {
  std::byte raw[length_bytes];
  in.read(raw, length_bytes);
  std::uint64_t length = 0;
  for (int i = length_bytes - 1; i >= 0; --i)
    length = length << 8 | std::to_integer<std::uint64_t>(raw[i]);
  if (length > max_header)
    fail(ErrorCode::format, "load_safetensors", "{}: header of {} bytes, at most {} are taken",
         in.name(), length, max_header);
  if (length > static_cast<std::uint64_t>(in.remaining()))
    fail(ErrorCode::format, "load_safetensors", "{}: header of {} bytes, the file has {}",
         in.name(), length, in.remaining());
  std::string text(length, ' ');
  in.read(reinterpret_cast<std::byte*>(text.data()), static_cast<std::int64_t>(length));
  return text;
}

// The text is gone when the tensors come.
SafetensorsHeader read_header(ByteStream& in) {
  const std::string text = read_header_text(in);
  return parse_safetensors_header(text, in.remaining(), in.name());
}

// Order of the reference writer: by its list of types from the last to the first.
int type_order(DType t) {
  constexpr DType order[] = {DType::i64,  DType::f64, DType::f32, DType::i32,
                             DType::bf16, DType::f16, DType::u8,  DType::boolean};
  return static_cast<int>(std::find(std::begin(order), std::end(order), t) - std::begin(order));
}

std::string quoted(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    fail(ErrorCode::names, "save_safetensors", "a name or metadata is not UTF-8");
  }
}

std::string metadata_text(const std::map<std::string, std::string>& metadata) {
  std::string out;
  for (const auto& [key, value] : metadata)
    out += fmt::format("{}{}:{}", out.empty() ? "" : ",", quoted(key), quoted(value));
  return fmt::format("\"__metadata__\":{{{}}}", out);
}

}  // namespace

Safetensors read_safetensors(ByteStream& in) {
  SafetensorsHeader header = read_header(in);
  Safetensors out;
  out.metadata = std::move(header.metadata);
  for (SafetensorsEntry& e : header.entries)  // in the order of the file, which has no gaps
    out.tensors.emplace(std::move(e.name), load_elements(in, e.shape, e.dtype));
  return out;
}

Safetensors load_safetensors(const std::string& path) {
  FileStream in(path);
  return read_safetensors(in);
}

void save_safetensors(const std::string& path, const NamedTensors& tensors,
                      const std::map<std::string, std::string>& metadata) {
  if (tensors.count("__metadata__"))
    fail(ErrorCode::names, "save_safetensors", "a tensor may not be called __metadata__");
  std::vector<std::pair<std::string, Tensor>> order;
  for (const auto& [name, t] : tensors) order.emplace_back(name, t.to(Device{}).contiguous());
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return type_order(a.second.dtype()) < type_order(b.second.dtype());
  });
  std::string text = metadata.empty() ? "" : metadata_text(metadata);
  std::int64_t next = 0;
  for (const auto& [name, t] : order) {
    const std::int64_t end = checked_add(next, t.numel() * size_of(t.dtype()));
    text += fmt::format("{}{}:{{\"dtype\":\"{}\",\"shape\":{},\"data_offsets\":[{},{}]}}",
                        text.empty() ? "" : ",", quoted(name), safetensors_name(t.dtype()),
                        t.shape(), next, end);
    next = end;
  }
  text = "{" + text + "}";
  text.append((8 - text.size() % 8) % 8, ' ');  // tensors begin at a multiple of 8
  std::string length(length_bytes, '\0');
  for (std::size_t i = 0; i < length_bytes; ++i)
    length[i] = static_cast<char>(text.size() >> (8 * i) & 255);
  std::vector<std::span<const std::byte>> parts{std::as_bytes(std::span(length)),
                                                std::as_bytes(std::span(text))};
  for (const auto& [name, t] : order)
    parts.emplace_back(t.bytes(), static_cast<std::size_t>(t.numel() * size_of(t.dtype())));
  atomic_write(path, parts);
}

}  // namespace sonde
