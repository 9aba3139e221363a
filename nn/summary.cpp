#include "nn/summary.hpp"

#include <algorithm>

#include "autograd/observe.hpp"

namespace sonde::nn {
namespace {

bool shares_storage(const Tensor& t, std::span<const Tensor> others) {
  return std::ranges::any_of(others, [&](const Tensor& o) { return &o.storage() == &t.storage(); });
}

// Adds the cost of each kernel to the rows of the modules at work.
class Meter final : public sonde::Observer {
 public:
  explicit Meter(std::vector<SummaryRow>& rows) : rows_(rows) {}

  void on_kernel(const Primitive& p, std::span<const Tensor> in, const Vars& out,
                 std::source_location, std::int64_t) override {
    const std::int64_t flops = p.flops(in, out);
    std::int64_t bytes = 0;
    for (const Var& v : out)
      if (const Tensor t = v.tensor(); !shares_storage(t, in))
        bytes += t.numel() * size_of(t.dtype());
    for (const std::size_t row : active_) {
      rows_[row].flops += flops;
      rows_[row].bytes += bytes;
    }
  }

  // What the tap sees: a module begins with "in" and ends with "out".
  void on_tap(const std::string& at, const Var& value) {
    const auto dot = at.rfind('.');
    const std::string path = dot == std::string::npos ? "" : at.substr(0, dot);
    const std::string_view name =
        std::string_view(at).substr(dot == std::string::npos ? 0 : dot + 1);
    if (name != "in" && name != "out") return;
    const auto row =
        static_cast<std::size_t>(std::ranges::find(rows_, path, &SummaryRow::path) - rows_.begin());
    if (name == "in") {
      active_.push_back(row);
      if (rows_[row].calls++ == 0) rows_[row].in = value.shape();
    } else {
      active_.pop_back();
      if (rows_[row].calls == 1) rows_[row].out = value.shape();
    }
  }

 private:
  std::vector<SummaryRow>& rows_;
  std::vector<std::size_t> active_;
};

void list(const Module& module, const std::string& path, std::vector<SummaryRow>& rows) {
  SummaryRow row;
  row.path = path;
  row.description = module.description();
  row.parameters = module.parameter_count();
  rows.push_back(std::move(row));
  for (const auto& [name, child] : module.children())
    list(*child, path.empty() ? name : path + '.' + name, rows);
}

}  // namespace

std::vector<SummaryRow> summary(const Module& module, const Var& x) {
  std::vector<SummaryRow> rows;
  list(module, "", rows);
  Meter meter(rows);
  const Tap tap = [&](const std::string& at, Var value) {
    meter.on_tap(at, value);
    return value;
  };
  const ObserverScope scope(meter);
  functional_call(module, module.parameters(), x, {.tap = &tap});
  return rows;
}

std::string to_string(const std::vector<SummaryRow>& rows) {
  std::size_t width = 6;
  for (const SummaryRow& r : rows) width = std::max(width, r.path.size());
  std::string text = fmt::format("{:<{}}  {:<40} {:>16} {:>16} {:>12} {:>14} {:>12}\n", "module",
                                 width, "what", "in", "out", "parameters", "FLOPs", "bytes");
  for (const SummaryRow& r : rows)
    text += fmt::format("{:<{}}  {:<40} {:>16} {:>16} {:>12} {:>14} {:>12}\n", r.path, width,
                        r.description, sonde::to_string(r.in), sonde::to_string(r.out),
                        r.parameters, r.flops, r.bytes);
  return text;
}

}  // namespace sonde::nn
