// Changes a safetensors file as its form has it: numbers near 2^31, 2^32, 2^63 and 2^64, types,
// sizes that wrap, tensors repeated, dropped or exchanged; most of the time the length of the
// header stays true, so that the change reaches the checks behind it.
#include <algorithm>
#include <cstring>
#include <random>

#include "tests/fuzz/readers.hpp"
#include "tests/hostile/builders.hpp"

namespace sonde::hostile {
namespace {

constexpr std::size_t length_bytes = 8;
using Random = std::minstd_rand;

std::size_t below(Random& random, std::size_t n) {
  return n == 0 ? 0 : random() % n;
}

// A run of digits, from a random place on; an empty one at the end if there is none.
std::pair<std::size_t, std::size_t> some_number(const std::string& text, Random& random) {
  constexpr std::string_view digits = "0123456789";
  std::size_t begin = text.find_first_of(digits, below(random, text.size()));
  if (begin == std::string::npos) begin = text.find_first_of(digits);
  if (begin == std::string::npos) return {text.size(), 0};
  const std::size_t end = std::min(text.find_first_not_of(digits, begin), text.size());
  return {begin, end - begin};
}

std::string boundary(Random& random) {
  constexpr std::uint64_t powers[] = {0, 8, 16, 31, 32, 33, 61, 62, 63};
  const std::uint64_t base = std::uint64_t{1} << powers[below(random, std::size(powers))];
  const std::uint64_t near = base + below(random, 5) - 2;  // wraps on purpose
  return std::to_string(below(random, 8) == 0 ? 0 - near : near);
}

// The part of one tensor, `"name":{...}`; empty if there is none.
std::pair<std::size_t, std::size_t> some_entry(const std::string& text, Random& random) {
  const std::size_t close = text.find('}', below(random, text.size()));
  if (close == std::string::npos) return {0, 0};
  const std::size_t open = text.rfind('{', close);
  if (open == std::string::npos || open == 0) return {0, 0};
  const std::size_t before = text.find_last_of(",{", open - 1);
  const std::size_t begin = before == std::string::npos ? 0 : before + 1;
  return {begin, close + 1 - begin};
}

void change_number(std::string& text, Random& random) {
  const auto [at, n] = some_number(text, random);
  text.replace(at, n, boundary(random));
}

void change_type(std::string& text, Random& random) {
  constexpr const char* types[] = {"F64", "F32", "F16", "BF16", "I64", "I32", "U8", "BOOL", "F8"};
  const std::size_t at = text.find("\"dtype\":\"", below(random, text.size()));
  if (at == std::string::npos) return;
  const std::size_t begin = at + 9, end = std::min(text.find('"', begin), text.size());
  text.replace(begin, end - begin, types[below(random, std::size(types))]);
}

void change_shape(std::string& text, Random& random) {
  const std::size_t at = text.find("\"shape\":[", below(random, text.size()));
  if (at == std::string::npos) return;
  const std::size_t begin = at + 9, end = std::min(text.find(']', begin), text.size());
  std::string shape;
  for (std::size_t i = below(random, 10); i-- > 0;)
    shape += (shape.empty() ? "" : ",") + boundary(random);
  text.replace(begin, end - begin, shape);
}

void repeat_entry(std::string& text, Random& random) {
  const auto [at, n] = some_entry(text, random);
  if (n > 0) text.insert(at, text.substr(at, n) + ",");
}

void drop_entry(std::string& text, Random& random) {
  const auto [at, n] = some_entry(text, random);
  text.erase(at, n + (at + n < text.size() && text[at + n] == ',' ? 1 : 0));
}

void rename_entry(std::string& text, Random& random) {
  const auto [at, n] = some_entry(text, random);
  const std::size_t end = text.find('"', at + 1);
  if (n > 0 && text[at] == '"' && end < at + n)
    text.replace(at, end + 1 - at, "\"t" + std::to_string(below(random, 100)) + "\"");
}

void add_metadata(std::string& text, Random& random) {
  if (text.starts_with('{'))
    text.insert(1, "\"__metadata__\":{\"" + std::to_string(below(random, 3)) + "\":\"v\"},");
}

}  // namespace

std::size_t mutate_safetensors(std::uint8_t* data, std::size_t size, std::size_t max_size,
                               unsigned seed,
                               std::size_t (*mutate)(std::uint8_t*, std::size_t, std::size_t)) {
  Random random(seed + 1);
  if (size < length_bytes + 2 || below(random, 4) == 0) return mutate(data, size, max_size);
  std::uint64_t length = 0;
  std::memcpy(&length, data, length_bytes);
  length = std::min<std::uint64_t>(length, size - length_bytes);
  std::string text(reinterpret_cast<const char*>(data) + length_bytes, length);
  std::string rest(reinterpret_cast<const char*>(data) + length_bytes + length,
                   size - length_bytes - length);
  constexpr void (*changes[])(std::string&, Random&) = {change_number, change_type,  change_shape,
                                                        repeat_entry,  drop_entry,   rename_entry,
                                                        add_metadata,  change_number};
  for (std::size_t i = 1 + below(random, 3); i-- > 0;)
    changes[below(random, std::size(changes))](text, random);
  if (below(random, 4) == 0) rest.resize(below(random, 64));
  std::string out = little_endian(text.size(), length_bytes) + text + rest;
  if (below(random, 16) == 0)
    out.replace(0, length_bytes, little_endian(std::stoull(boundary(random)), 8));
  if (out.size() > max_size) return mutate(data, size, max_size);
  std::memcpy(data, out.data(), out.size());
  return out.size();
}

}  // namespace sonde::hostile
