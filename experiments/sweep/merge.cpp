#include "experiments/sweep/merge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>

#include "experiments/sweep/run_folder.hpp"
#include "experiments/sweep/runner.hpp"

namespace sonde::experiments {
namespace {

// The columns' fields of one run, by name.
using Fields = Json;

class Columns {
 public:
  void add(const std::string& name) {
    if (seen_.insert(name).second) names_.push_back(name);
  }
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::set<std::string> seen_;
  std::vector<std::string> names_;
};

std::string number_text(const Json& number) {
  return number.is_number() ? csv_number(number.get<double>()) : std::string();
}

void add_metric(const std::string& name, const Json& estimate, Fields& fields, Columns& metrics) {
  if (!estimate.is_object() || !estimate.value("value", Json()).is_number()) return;
  metrics.add(name);
  fields[name] = number_text(estimate.at("value"));
  const Json interval = estimate.value("ci95", Json());
  if (!interval.is_array() || interval.size() != 2) return;
  fields[name + ".low"] = number_text(interval[0]);
  fields[name + ".high"] = number_text(interval[1]);
}

// What the summary of a finished run says.
void read_summary(const Json& summary, Fields& fields, Columns& metrics, Columns& claims) {
  for (const auto& [name, estimate] : summary.at("metrics").items())
    add_metric("metrics." + name, estimate, fields, metrics);
  for (const Json& claim : summary.at("claims")) {
    const std::string name = "claims." + option_text(claim.value("id", Json("")));
    claims.add(name);
    fields[name] = option_text(claim.value("verdict", Json("")));
    add_metric(name + ".value", claim, fields, metrics);
  }
  fields["wall_s"] = number_text(summary.value("wall_s", Json()));
}

std::vector<std::string> row_of(const Fields& fields, const std::vector<std::string>& columns) {
  std::vector<std::string> row;
  for (const std::string& c : columns) {
    const Json field = fields.value(c, Json(""));
    row.push_back(field.get<std::string>());
  }
  return row;
}

struct Condition {
  std::size_t column;
  std::string sign, value;

  bool met(const std::string& field) const {
    if (field.empty()) return false;
    const double a = number_in(field), b = number_in(value);
    if (std::isnan(a) || std::isnan(b))
      return sign == "!=" ? field != value : (sign == "=" || sign == "==") && field == value;
    if (sign == "<") return a < b;
    if (sign == "<=") return a <= b;
    if (sign == ">") return a > b;
    if (sign == ">=") return a >= b;
    return sign == "!=" ? a != b : a == b;
  }
};

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

Condition condition(const MergedRuns& runs, const std::string& text) {
  const std::size_t at = text.find_first_of("<>=!");
  const std::size_t end =
      at == std::string::npos ? at : std::min(text.find_first_not_of("<>=!", at), text.size());
  const std::string sign = at == std::string::npos ? "" : text.substr(at, end - at);
  constexpr const char* signs[] = {"<", "<=", ">", ">=", "=", "==", "!="};
  if (std::ranges::find(signs, sign) == std::end(signs) || trimmed(text.substr(end)).empty())
    fail(ErrorCode::usage, "--where", "'{}' is no condition such as metrics.loss<0.001", text);
  return {runs.column(trimmed(text.substr(0, at))), sign, trimmed(text.substr(end))};
}

}  // namespace

std::size_t MergedRuns::column(const std::string& name) const {
  for (const std::string& candidate : {name, "metrics." + name}) {
    const auto found = std::ranges::find(table.columns, candidate);
    if (found != table.columns.end())
      return static_cast<std::size_t>(found - table.columns.begin());
  }
  fail_hint(ErrorCode::usage, "sweep", fmt::format("there are {}", fmt::join(table.columns, ", ")),
            "no column '{}'", name);
}

double MergedRuns::number(std::size_t row, std::size_t column) const {
  return number_in(table.rows.at(row).at(column));
}

double number_in(const std::string& field) {
  double v = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), v);
  return error == std::errc() && end == field.data() + field.size()
             ? v
             : std::numeric_limits<double>::quiet_NaN();
}

MergedRuns merged_runs(const SweepPlan& plan, const std::filesystem::path& folder) {
  MergedRuns out{.table = {}, .options = plan.varied(), .metrics = {}};
  std::vector<Fields> all;
  Columns metrics, claims;
  for (const PlannedRun& run : plan.runs) {
    const RunFolder files(run_path(folder, run));
    Fields fields{{"run", run.name}, {"path", "runs/" + run.name}};
    for (const std::string& option : out.options)
      fields[option] = option_text(run.settings.value(option, Json("")));
    const std::optional<Json> summary = files.summary();
    if (summary) read_summary(*summary, fields, metrics, claims);
    fields["state"] = summary                               ? "finished"
                      : files.failures().size() >= attempts ? "failed"
                                                            : "open";
    all.push_back(std::move(fields));
  }
  out.metrics = metrics.names();
  std::vector<std::string>& columns = out.table.columns;
  columns = {"run", "state"};
  columns.insert(columns.end(), out.options.begin(), out.options.end());
  for (const std::string& m : out.metrics) {
    columns.push_back(m);
    if (std::ranges::any_of(all, [&](const Fields& f) { return f.contains(m + ".low"); }))
      columns.insert(columns.end(), {m + ".low", m + ".high"});
  }
  columns.insert(columns.end(), claims.names().begin(), claims.names().end());
  columns.insert(columns.end(), {"wall_s", "path"});
  for (const Fields& fields : all) out.table.add(row_of(fields, columns));
  return out;
}

std::vector<std::size_t> kept_rows(const MergedRuns& runs,
                                   const std::vector<std::string>& conditions) {
  std::vector<Condition> all;
  for (const std::string& text : conditions) all.push_back(condition(runs, text));
  std::vector<std::size_t> kept;
  const std::size_t state = runs.column("state");
  for (std::size_t r = 0; r < runs.table.rows.size(); ++r) {
    const std::vector<std::string>& row = runs.table.rows[r];
    if (row[state] == "finished" &&
        std::ranges::all_of(all, [&](const Condition& c) { return c.met(row[c.column]); }))
      kept.push_back(r);
  }
  return kept;
}

}  // namespace sonde::experiments
