#include "autograd/profile.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <thread>

namespace sonde {
namespace {

std::int64_t bytes_of(const Specs& specs) {
  std::int64_t bytes = 0;
  for (const Spec& s : specs) bytes += numel(s.shape) * size_of(s.dtype);
  return bytes;
}

std::string text_of(const Specs& specs) {
  std::string text;
  for (const Spec& s : specs) text += (text.empty() ? "" : " ") + to_string(s);
  return text;
}

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string site_of(std::source_location where) {
  return fmt::format("{}:{}", std::filesystem::path(where.file_name()).filename().string(),
                     where.line());
}

}  // namespace

void Profile::on_kernel(const Primitive& p, std::span<const Tensor> in, const Vars& out,
                        std::source_location where, std::int64_t ns) {
  const auto now = std::chrono::steady_clock::now();
  Specs inputs, outputs;
  for (const Tensor& t : in) inputs.push_back(t.spec());
  for (const Var& v : out) outputs.push_back(v.spec());
  const std::int64_t bytes = bytes_of(inputs) + bytes_of(outputs);
  std::lock_guard lock(mutex_);
  auto total = totals_.find(p.name());
  if (total == totals_.end()) total = totals_.emplace(p.name(), Total{}).first;
  ++total->second.calls;
  total->second.ns += ns;
  total->second.bytes += bytes;
  if (events_.size() == max_events_) {
    ++dropped_;
    return;
  }
  const std::int64_t end =
      std::chrono::duration_cast<std::chrono::nanoseconds>(now - start_).count();
  events_.push_back({std::string(p.name()), text_of(inputs), text_of(outputs), p.attributes(),
                     site_of(where), end - ns, ns, bytes,
                     std::hash<std::thread::id>{}(std::this_thread::get_id()) % 100000});
}

std::vector<Profile::Event> Profile::events() const {
  std::lock_guard lock(mutex_);
  return events_;
}

std::string Profile::table() const {
  std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, Total>> rows(totals_.begin(), totals_.end());
  std::stable_sort(rows.begin(), rows.end(),
                   [](auto& a, auto& b) { return a.second.ns > b.second.ns; });
  std::int64_t all = 1;
  for (const auto& [op, row] : rows) all += row.ns;
  std::string text = fmt::format("{:24}{:>10}{:>12}{:>8}{:>10}\n", "op", "calls", "ms", "%", "GB");
  for (const auto& [op, row] : rows)
    text += fmt::format("{:24}{:>10}{:>12.3f}{:>8.1f}{:>10.3f}\n", op, row.calls,
                        static_cast<double>(row.ns) * 1e-6,
                        100.0 * static_cast<double>(row.ns) / static_cast<double>(all),
                        static_cast<double>(row.bytes) * 1e-9);
  return text;
}

std::string Profile::chrome_trace() const {
  std::lock_guard lock(mutex_);
  std::string text =
      fmt::format("{{\"otherData\":{{\"further events\":\"{}\"}},\"traceEvents\":[", dropped_);
  bool first = true;
  for (const Event& e : events_) {
    text += fmt::format(
        "{}\n{{\"name\":{},\"ph\":\"X\",\"pid\":1,\"tid\":{},\"ts\":{:.3f},\"dur\":{:.3f},"
        "\"args\":{{\"in\":{},\"out\":{},\"attributes\":{},\"site\":{},\"bytes\":{}}}}}",
        first ? "" : ",", json_text(e.op), e.thread, static_cast<double>(e.start_ns) * 1e-3,
        static_cast<double>(e.ns) * 1e-3, json_text(e.inputs), json_text(e.outputs),
        json_text(e.attributes), json_text(e.site), e.bytes);
    first = false;
  }
  return text + "\n]}\n";
}

std::string dot_graph(const Tape& tape) {
  std::string text =
      "digraph tape {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n";
  for (std::size_t i = 0; i < tape.size(); ++i) {
    const Node& node = tape[i];
    if (!node.primitive) {
      text += fmt::format("  n{} [label=\"input {}\", shape=ellipse];\n", i, i);
      continue;
    }
    std::string out;
    for (const Var& v : node.out) out += "\\n" + to_string(v.spec());
    const std::string attributes = node.primitive->attributes();
    text += fmt::format("  n{} [label=\"{}{}{}\"];\n", i, node.primitive->name(),
                        attributes.empty() ? "" : "\\n" + attributes, out);
    for (std::size_t k = 0; k < node.parents.size(); ++k)
      if (node.parents[k].node >= 0)
        text += fmt::format("  n{} -> n{} [label=\"{}\"{}];\n", node.parents[k].node, i,
                            to_string(node.in[k].spec()),
                            node.in[k].get()->kind == ValueKind::ghost ? ", style=dashed" : "");
  }
  return text + "}\n";
}

}  // namespace sonde
