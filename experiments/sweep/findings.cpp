#include "experiments/sweep/findings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "analysis/association.hpp"
#include "analysis/regression.hpp"
#include "analysis/statistics.hpp"
#include "experiments/common/palette.hpp"

namespace sonde::experiments {
namespace {

constexpr std::size_t most_figures = 12;
constexpr std::size_t most_listed = 24;  // numbers in the report; more are in its figures alone

std::vector<std::string> groups_of(const MergedRuns& runs, const std::vector<std::string>& by) {
  if (!by.empty()) return by;
  std::vector<std::string> out;
  std::ranges::copy_if(runs.options, std::back_inserter(out),
                       [](const std::string& name) { return name != "seed"; });
  return out;
}

std::vector<std::string> fields(const MergedRuns& runs, std::size_t row,
                                const std::vector<std::string>& columns) {
  std::vector<std::string> out;
  for (const std::string& c : columns) out.push_back(runs.table.rows[row][runs.column(c)]);
  return out;
}

// "width = 8, lr = 0.1"
std::string group_text(const std::vector<std::string>& by, const std::vector<std::string>& group) {
  std::string out;
  for (std::size_t i = 0; i < by.size(); ++i)
    out += fmt::format("{}{} = {}", i ? ", " : "", by[i], group[i]);
  return out.empty() ? "all runs" : out;
}

bool all_numbers(const std::vector<Aggregate>& all, std::size_t option) {
  return std::ranges::none_of(
      all, [&](const Aggregate& a) { return std::isnan(number_in(a.group[option])); });
}

// The option along the x axis: the first of numbers, else the first.
std::size_t x_option(const std::vector<Aggregate>& all, std::size_t options) {
  for (std::size_t i = 0; i < options; ++i)
    if (all_numbers(all, i)) return i;
  return 0;
}

bool wants_logarithm(const std::vector<double>& values) {
  const auto [low, high] = std::ranges::minmax(values);
  return low > 0 && high / low >= 20;
}

// A column without what all columns of metrics begin with.
std::string shown_name(const std::string& column) {
  constexpr std::string_view prefix = "metrics.";
  return column.starts_with(prefix) ? column.substr(prefix.size()) : column;
}

// A metric's means against one option, a series for each value of the others.
Figure drawn(const std::string& name, const std::string& metric, const std::vector<Aggregate>& all,
             const std::vector<std::string>& by) {
  const std::size_t at = x_option(all, by.size());
  const bool numbers = all_numbers(all, at);
  std::vector<std::string> categories;
  std::vector<double> places, heights;
  std::map<std::string, std::pair<std::vector<double>, std::vector<Estimate>>> series;
  std::vector<std::string> order;
  for (const Aggregate& a : all) {
    double x = number_in(a.group[at]);
    if (!numbers) {
      auto found = std::ranges::find(categories, a.group[at]);
      if (found == categories.end()) found = categories.insert(found, a.group[at]);
      x = static_cast<double>(found - categories.begin());
    }
    std::vector<std::string> names = by, values = a.group;
    names.erase(names.begin() + static_cast<std::ptrdiff_t>(at));
    values.erase(values.begin() + static_cast<std::ptrdiff_t>(at));
    const std::string label = names.empty() ? shown_name(metric) : group_text(names, values);
    if (!series.contains(label)) order.push_back(label);
    series[label].first.push_back(x);
    series[label].second.push_back(a.value);
    places.push_back(x);
    heights.push_back(a.value.value);
  }
  Figure figure(
      name, shown_name(metric),
      {.label = by[at], .log = numbers && wants_logarithm(places), .categories = categories},
      {.label = shown_name(metric), .log = wants_logarithm(heights)});
  for (const std::string& label : order)
    figure.estimates(label, series[label].first, series[label].second);
  return figure;
}

// How many series a figure of one metric would have: groups that differ in more than the option
// along the x axis.
std::size_t series_of(const std::vector<Aggregate>& all, std::size_t options) {
  const std::size_t at = x_option(all, options);
  std::set<std::vector<std::string>> series;
  for (const Aggregate& a : all) {
    std::vector<std::string> rest = a.group;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(at));
    series.insert(std::move(rest));
  }
  return series.size();
}

void add_figures(Results& results, const std::vector<Aggregate>& all,
                 const std::vector<std::string>& by, const std::vector<std::string>& metrics) {
  if (by.empty()) return;
  if (const std::size_t series = series_of(all, by.size()); series > series_colours) {
    results.notes.push_back(
        fmt::format("No figures: they would have {} series each. Give --by fewer options than {}, "
                    "or --where.",
                    series, fmt::join(by, ", ")));
    return;
  }
  for (const std::string& metric : metrics) {
    std::vector<Aggregate> own;
    std::ranges::copy_if(all, std::back_inserter(own),
                         [&](const Aggregate& a) { return a.metric == metric; });
    if (own.empty() || results.figures.size() == most_figures) continue;
    results.figures.push_back(
        {drawn(fmt::format("metric_{:02}", results.figures.size() + 1), metric, own, by),
         "Means over runs with their 95 % intervals (Student's t)."});
  }
}

void add_aggregates(Results& results, Table& table, const std::vector<Aggregate>& all,
                    const std::vector<std::string>& by) {
  table.columns = by;
  table.columns.insert(table.columns.end(), {"metric", "mean", "low", "high", "n"});
  for (const Aggregate& a : all) {
    std::vector<std::string> row = a.group;
    row.insert(
        row.end(),
        {a.metric, csv_number(a.value.value), a.value.ci95 ? csv_number(a.value.ci95->low) : "",
         a.value.ci95 ? csv_number(a.value.ci95->high) : "", std::to_string(a.value.n)});
    table.add(std::move(row));
    const std::string name = a.metric + " (" + group_text(by, a.group) + ")";
    results.metrics.push_back({name, all.size() <= most_listed ? name : "", a.value});
  }
}

// A column, or the logarithm of one, of the kept rows.
class Quantity {
 public:
  Quantity(const MergedRuns& runs, const std::string& text) : runs_(runs), text_(text) {
    log_ = text.starts_with("log(") && text.ends_with(')');
    column_ = runs.column(log_ ? text.substr(4, text.size() - 5) : text);
  }
  double at(std::size_t row) const {
    const double v = runs_.number(row, column_);
    return log_ ? std::log(v) : v;
  }
  const std::string& field(std::size_t row) const { return runs_.table.rows[row][column_]; }
  const std::string& text() const { return text_; }

 private:
  const MergedRuns& runs_;
  std::string text_;
  bool log_;
  std::size_t column_;
};

std::pair<Quantity, Quantity> sides(const MergedRuns& runs, const std::string& option,
                                    const std::string& text) {
  const std::size_t at = text.find('~');
  const auto trimmed = [](std::string s) {
    std::erase(s, ' ');
    return s;
  };
  if (at == std::string::npos)
    fail(ErrorCode::usage, option, "'{}' is not of the form metrics.loss ~ width", text);
  return {Quantity(runs, trimmed(text.substr(0, at))),
          Quantity(runs, trimmed(text.substr(at + 1)))};
}

// Pairs of finite numbers.
std::pair<Sample, Sample> pairs(const std::vector<std::size_t>& kept, const Quantity& y,
                                const Quantity& x) {
  std::pair<Sample, Sample> out;
  for (const std::size_t row : kept)
    if (const double a = x.at(row), b = y.at(row); std::isfinite(a) && std::isfinite(b)) {
      out.first.push_back(a);
      out.second.push_back(b);
    }
  return out;
}

void add_slope(Results& results, const MergedRuns& runs, const std::vector<std::size_t>& kept,
               const std::string& text) {
  const auto [y, x] = sides(runs, "--slope", text);
  const auto [xs, ys] = pairs(kept, y, x);
  const LinearRegression line = linear_regression(xs, ys);
  const std::string name = fmt::format("slope of {} along {}", y.text(), x.text());
  results.metrics.push_back({name, name, line.slope});
  results.notes.push_back(fmt::format(
      "Least-squares line, {}: {}, p = {:.3g} (two-sided, Student's t with {} degrees of freedom), "
      "r = {:.3g}, over {} runs.",
      name, to_string(line.slope), line.p, xs.size() - 2, line.r, xs.size()));
}

// The numbers of y for each value of x.
std::vector<std::pair<std::string, Sample>> samples(const std::vector<std::size_t>& kept,
                                                    const Quantity& y, const Quantity& x) {
  std::vector<std::pair<std::string, Sample>> out;
  for (const std::size_t row : kept) {
    if (!std::isfinite(y.at(row)) || x.field(row).empty()) continue;
    auto found = std::ranges::find(out, x.field(row), &std::pair<std::string, Sample>::first);
    if (found == out.end()) found = out.insert(found, {x.field(row), {}});
    found->second.push_back(y.at(row));
  }
  return out;
}

// Two values of x: rank sums; more, which must be numbers: rank correlation.
void add_rank_test(Results& results, const MergedRuns& runs, const std::vector<std::size_t>& kept,
                   const std::string& text) {
  const auto [y, x] = sides(runs, "--rank", text);
  const auto by_value = samples(kept, y, x);
  if (by_value.size() == 2) {
    const auto& [first, a] = by_value[0];
    const auto& [second, b] = by_value[1];
    const RankTest test = rank_sum(a, b);
    results.notes.push_back(
        fmt::format("Wilcoxon's rank-sum test of {} at {} = {} ({} runs) and {} ({} runs): U = "
                    "{:g}, p = {:.3g} "
                    "(two-sided).",
                    y.text(), x.text(), first, a.size(), second, b.size(), test.statistic, test.p));
    return;
  }
  const auto [xs, ys] = pairs(kept, y, x);
  const RankTest test = spearman(xs, ys);
  results.notes.push_back(fmt::format(
      "Spearman's rank correlation of {} with {}: {:.4g}, p = {:.3g} (two-sided), over {} runs.",
      y.text(), x.text(), test.statistic, test.p, xs.size()));
}

}  // namespace

std::vector<Aggregate> aggregates(const MergedRuns& runs, const std::vector<std::size_t>& kept,
                                  const std::vector<std::string>& by,
                                  const std::vector<std::string>& metrics) {
  std::vector<std::vector<std::string>> order;
  std::map<std::vector<std::string>, std::vector<std::size_t>> groups;
  for (const std::size_t row : kept) {
    const std::vector<std::string> group = fields(runs, row, by);
    if (groups[group].empty()) order.push_back(group);
    groups[group].push_back(row);
  }
  std::vector<Aggregate> out;
  for (const std::string& metric : metrics)
    for (const auto& group : order) {
      Sample values;
      for (const std::size_t row : groups[group])
        if (const double v = runs.number(row, runs.column(metric)); std::isfinite(v))
          values.push_back(v);
      if (!values.empty()) out.push_back({group, metric, mean_over_units(values)});
    }
  return out;
}

Results sweep_results(const MergedRuns& runs, const Questions& questions, Table& aggregate_table) {
  Results results;
  results.table = runs.table;
  const std::vector<std::size_t> kept = kept_rows(runs, questions.where);
  const std::vector<std::string> by = groups_of(runs, questions.by);
  std::vector<std::string> metrics;
  for (const std::string& m : questions.metrics.empty() ? runs.metrics : questions.metrics)
    metrics.push_back(runs.table.columns[runs.column(m)]);
  const std::vector<Aggregate> all = aggregates(runs, kept, by, metrics);
  for (const std::string& text : questions.slopes) add_slope(results, runs, kept, text);
  for (const std::string& text : questions.ranks) add_rank_test(results, runs, kept, text);
  const std::size_t tests = questions.slopes.size() + questions.ranks.size();
  if (tests > 1)
    results.notes.push_back(
        fmt::format("{} tests were made; their p-values are each for itself.", tests));
  add_figures(results, all, by, metrics);
  add_aggregates(results, aggregate_table, all, by);
  results.notes.insert(
      results.notes.begin(),
      fmt::format("{} of {} runs are taken{}{}.", kept.size(), runs.table.rows.size(),
                  questions.where.empty() ? ", those that are finished" : ": where ",
                  fmt::join(questions.where, " and ")));
  return results;
}

}  // namespace sonde::experiments
