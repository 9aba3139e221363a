// Bad input: every operation with every hostile value of every integer argument, and every row of
// the table with every hostile shape. First on stand-ins without data, so that only infer() runs:
// no tensor may be made. Then on data, under a limit of 64 MiB. A value or a typed Error must come
// of it, and nothing may be lost.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

#include "tensor/allocator.hpp"
#include "tests/arguments.hpp"
#include "tests/heap_count.hpp"
#include "tests/paths.hpp"
#include "tests/promise_figure.hpp"

namespace sonde::testing {
namespace {

using Call = std::function<Vars(const Vars&)>;

constexpr std::int64_t memory_limit = 64 << 20, infer_heap = 16 << 20, small = 1 << 20;

DType dtype_of_draw(Draw draw) {
  if (draw == Draw::index || draw == Draw::key) return DType::i64;
  return draw == Draw::boolean ? DType::boolean : DType::f32;
}

Spec spec_of(const Input& input) {
  return {input.draw == Draw::key ? Dims{2} : input.shape, dtype_of_draw(input.draw), Device{}};
}

long tried = 0, refused = 0;

// A value or an Error; anything else, and a tensor that stays, is a failure.
void expect_value_or_error(const Call& f, const Vars& x, std::int64_t bytes,
                           const std::string& label) {
  const std::int64_t before = current_bytes();
  set_memory_limit(before + bytes);
  ++tried;
  try {
    for (const Var& y : f(x)) numel(y.shape());
  } catch (const Error& e) {
    EXPECT_FALSE(std::string(e.what()).empty());
    ++refused;
  } catch (const std::exception& e) {
    ADD_FAILURE() << label << ": " << e.what();
  }
  set_memory_limit(0);
  EXPECT_EQ(current_bytes(), before) << label;
}

// infer() alone: stand-ins have no data, so nothing behind the first primitive runs.
void try_infer(const Call& f, std::span<const Spec> specs, const std::string& label) {
  Vars ghosts;
  for (const Spec& s : specs) ghosts.push_back(Var::ghost(s));
  heap_bytes = 0;
  expect_value_or_error(f, ghosts, 4096, label + ", infer");
  EXPECT_LE(heap_bytes, infer_heap) << label;
}

void try_run(const Call& f, std::span<const Spec> specs, const std::string& label) {
  Vars x;
  for (const Spec& s : specs) x.push_back(Tensor::ones(s.shape, s.dtype));
  expect_value_or_error(f, x, memory_limit, label + ", run");
}

std::set<std::int64_t> hostile_values(std::int64_t n) {
  return {INT64_MIN,
          INT64_MIN + 1,
          -n - 1,
          -n,
          -2,
          -1,
          0,
          1,
          2,
          n - 1,
          n,
          n + 1,
          INT32_MAX,
          std::int64_t{1} << 31,
          std::int64_t{1} << 32,
          std::int64_t{1} << 62,
          INT64_MAX - 1,
          INT64_MAX};
}

TEST(BadInput, EveryIntegerArgument) {
  for (const Argument& row : all_arguments()) {
    std::vector<Spec> specs;
    for (const Input& input : row.inputs) specs.push_back(spec_of(input));
    for (std::int64_t value : hostile_values(row.size)) {
      const Call f = [&](const Vars& x) { return row.f(x, value); };
      const std::string label = fmt::format("{} = {}", row.name, value);
      try_infer(f, specs, label);
      try_run(f, specs, label);
    }
  }
}

// `shape` with a zero, one more, and sizes that overflow, in each place; rank 0 and rank 8.
std::vector<Dims> hostile_shapes(const Dims& shape) {
  std::vector<Dims> out{Dims{}, Dims::filled(max_rank, 1), Dims::filled(max_rank, 2),
                        Dims::filled(max_rank, 0)};
  for (int i = 0; i < shape.rank(); ++i)
    for (std::int64_t size : {std::int64_t{0}, std::int64_t{1}, shape[i] + 1, std::int64_t{1} << 31,
                              std::int64_t{1} << 62}) {
      out.push_back(shape);
      out.back()[i] = size;
    }
  Dims rank_up = shape, rank_down = shape;
  if (shape.rank() < max_rank) rank_up.push_back(2), out.push_back(rank_up);
  if (shape.rank() > 0) rank_down.erase(0), out.push_back(rank_down);
  return out;
}

bool fits(const Spec& s) {
  double elements = 1, strides = 1;
  for (std::int64_t d : s.shape) {
    elements *= static_cast<double>(d);
    strides *= static_cast<double>(std::max<std::int64_t>(d, 1));
  }
  return elements <= small && strides < 0x1p60;
}

TEST(BadInput, EveryShape) {
  for (const Case& row : all_cases()) {
    std::vector<Spec> good;
    for (const Input& input : row.inputs) good.push_back(spec_of(input));
    for (std::size_t i = 0; i < good.size(); ++i)
      for (const Dims& shape : hostile_shapes(good[i].shape)) {
        std::vector<Spec> specs = good;
        specs[i].shape = shape;
        const std::string label = fmt::format("{}, input {} of shape {}", row.name, i, shape);
        try_infer(row.f, specs, label);
        if (fits(specs[i])) try_run(row.f, specs, label);
      }
  }
}

TEST(BadInput, EveryDType) {
  for (const Case& row : all_cases()) {
    std::vector<Spec> good;
    for (const Input& input : row.inputs) good.push_back(spec_of(input));
    for (std::size_t i = 0; i < good.size(); ++i)
      for (int t = 0; t < dtype_count; ++t) {
        std::vector<Spec> specs = good;
        specs[i].dtype = static_cast<DType>(t);
        const std::string label =
            fmt::format("{}, input {} of type {}", row.name, i, specs[i].dtype);
        try_infer(row.f, specs, label);
        try_run(row.f, specs, label);
      }
  }
}

TEST(BadInput, RankNineIsAnError) {
  EXPECT_THROW(Tensor::zeros({1, 1, 1, 1, 1, 1, 1, 1, 1}), Error);
}

TEST(BadInput, TheStateIsUsableAfterwards) {
  promise_figure("{} calls, {} ended in a typed error, the others in a value", tried, refused);
  EXPECT_THROW(slice(Tensor::ones({2}), 5, 0, 1), Error);
  EXPECT_EQ(sum(add(Tensor::ones({2}), 1)).item(), 4);
}

// "op.parameter" for every parameter of an integer type in the headers of the operations.
std::set<std::string> integer_parameters() {
  std::set<std::string> names;
  const std::regex comment("//[^\n]*"), declaration(R"(\b\w+\s+(\w+)\(([^;]*)\)\s*;)"),
      parameter(
          R"(^\s*(?:const\s+)?(?:std::)?(?:int|int64_t|optional<std::int64_t>|vector<std::int64_t>|Dims|Size2)\s*&?\s+(\w+))");
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() + "/autograd/ops")) {
    std::ifstream file(entry.path());
    const std::string text =
        std::regex_replace(std::string((std::istreambuf_iterator<char>(file)), {}), comment, "");
    for (std::sregex_iterator it(text.begin(), text.end(), declaration), end; it != end; ++it) {
      std::stringstream list((*it)[2]);
      std::smatch match;
      for (std::string p; std::getline(list, p, ',');)
        if (std::regex_search(p, match, parameter))
          names.insert((*it)[1].str() + "." + match[1].str());
    }
  }
  return names;
}

TEST(BadInput, EveryParameterHasARow) {
  std::set<std::string> rows;
  for (const Argument& row : all_arguments()) rows.insert(row.name);
  const auto names = integer_parameters();
  EXPECT_GT(names.size(), 40u);
  for (const std::string& name : names)
    EXPECT_TRUE(rows.contains(name)) << name << " has no row in tests/arguments";
}

}  // namespace
}  // namespace sonde::testing
