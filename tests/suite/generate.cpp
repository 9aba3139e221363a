// Generates the tests of every row: one per check and float type, and the coverage table over all
// primitives.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <regex>
#include <set>

#include "autograd/observe.hpp"
#include "tests/promise_figure.hpp"
#include "tests/suite/check.hpp"

namespace sonde::testing {
namespace {

// Counts which rules of which primitives ran, and compares every kernel's result with what infer
// said.
class Coverage final : public Observer {
 public:
  void on_rule(const Primitive& p, Rule rule) override {
    std::lock_guard lock(mutex_);
    ++seen_[std::string(p.name())][static_cast<std::size_t>(rule)];
    if (!p.differentiable()) constant_.insert(std::string(p.name()));
    max_reverse_[std::string(p.name())] = p.max_reverse();
  }
  void on_kernel(const Primitive& p, std::span<const Tensor> in, const Vars& out,
                 std::source_location, std::int64_t) override {
    Vars vars;
    for (const Tensor& t : in) vars.push_back(t);
    Specs specs;
    p.infer(vars, specs);
    for (std::size_t i = 0; i < specs.size(); ++i)
      EXPECT_EQ(to_string(specs[i]), to_string(out[i].spec()))
          << p.name() << ": infer and forward differ";
  }
  const auto& seen() const { return seen_; }
  bool constant(const std::string& name) const { return constant_.contains(name); }
  /// Negative for plain primitives. A fused one is decomposed under jvp, and beyond this many
  /// reverse transforms: then it needs no rule of its own.
  int max_reverse(const std::string& name) const {
    const auto it = max_reverse_.find(name);
    return it == max_reverse_.end() ? -1 : it->second;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::array<int, 4>> seen_;
  std::set<std::string> constant_;
  std::map<std::string, int> max_reverse_;
};

Coverage& coverage() {
  static Coverage c;
  return c;
}

using Check = void (*)(const Subject&);

class RowTest : public ::testing::Test {
 public:
  RowTest(const Case& row, DType dtype, Device device, Check check)
      : row_(row), dtype_(dtype), device_(device), check_(check) {}
  void TestBody() override {
    ObserverScope scope(coverage());
    check_(Subject(row_, dtype_, device_));
  }

 private:
  const Case& row_;
  DType dtype_;
  Device device_;
  Check check_;
};

// Every `id = "..."` in the sources below `folder`.
std::vector<std::string> primitives_in(const std::string& folder) {
  std::vector<std::string> ids;
  const std::regex pattern("string_view id = \"([a-z0-9_]+)\"");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".cpp" && entry.path().extension() != ".hpp") continue;
    std::ifstream file(entry.path());
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it)
      ids.push_back((*it)[1]);
  }
  return ids;
}

// Registered last: every primitive was run, and had its jvp, vjp and batch rules used, by some row.
class CoverageTest : public ::testing::Test {
 public:
  explicit CoverageTest(std::string folder) : folder_(std::move(folder)) {}
  void TestBody() override {
    const auto ids = primitives_in(folder_);
    EXPECT_FALSE(ids.empty()) << "no primitive in " << folder_;
    std::string table =
        fmt::format("{:28}{:>9}{:>9}{:>9}{:>9}\n", "primitive", "forward", "jvp", "vjp", "batch");
    for (const std::string& id : ids) {
      const auto it = coverage().seen().find(id);
      const std::array<int, 4> n =
          it == coverage().seen().end() ? std::array<int, 4>{} : it->second;
      table += fmt::format("{:28}{:>9}{:>9}{:>9}{:>9}\n", id, n[0], n[1], n[2], n[3]);
      EXPECT_GT(n[0], 0) << id << " has no row in tests/cases";
      EXPECT_GT(n[3], 0) << id << ": no row uses its batch rule";
      if (coverage().constant(id)) continue;
      const int max_reverse = coverage().max_reverse(id);
      if (max_reverse < 0) EXPECT_GT(n[1], 0) << id << ": no row uses its jvp";
      if (max_reverse != 0) EXPECT_GT(n[2], 0) << id << ": no row uses its vjp";
    }
    std::ofstream("primitive_coverage.txt") << table;
    promise_figure("{} primitives, {} generated tests", ids.size(),
                   ::testing::UnitTest::GetInstance()->test_to_run_count());
  }

 private:
  std::string folder_;
};

void add_test(const char* suite, const Case& row, DType dtype, Device device, Check check) {
  const std::string name = row.name + (dtype == DType::f64 ? "_f64" : "_f32");
  ::testing::RegisterTest(suite, name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                          [&row, dtype, device, check]() -> ::testing::Test* {
                            return new RowTest(row, dtype, device, check);
                          });
}

void register_row(const Case& row, Device device) {
  for (DType dtype : {DType::f64, DType::f32}) {
    if (dtype == DType::f32 && !row.f32) continue;
    const auto add = [&](const char* suite, Check check) {
      add_test(suite, row, dtype, device, check);
    };
    add("Forward", check_forward);
    add("Strided", check_strided);
    add("Batch", check_batch);
    if (device.type != DeviceType::cpu) add("AgainstCpu", check_against_cpu);
    if (row.order < 1) continue;
    add("Adjoint", check_adjoint);
    if (row.inputs.size() > 1) add("OneInput", check_one_input);
    add("Linearize", check_linearize);
    if (dtype == DType::f64) add("Differences", check_finite_differences);
    if (row.order >= 2) add("Pullback", check_pullback);
    if (row.order >= 2) add("Order2", check_second_order);
    if (row.order >= 3 && dtype == DType::f64) add("Order3", check_third_order);
  }
}

}  // namespace

void register_suite(const Cases& cases, Device device) {
  for (const Case& row : cases) register_row(row, device);
}

int run_suite(int argc, char** argv, const Cases& cases, const std::string& primitives) {
  ::testing::InitGoogleTest(&argc, argv);
  register_suite(cases, {});
  if (::testing::GTEST_FLAG(filter) == "*")
    ::testing::RegisterTest(
        "Coverage", "EveryPrimitiveEveryRule", nullptr, nullptr, __FILE__, __LINE__,
        [primitives]() -> ::testing::Test* { return new CoverageTest(primitives); });
  return RUN_ALL_TESTS();
}

}  // namespace sonde::testing
