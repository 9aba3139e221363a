#include "experiments/common/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tensor/error.hpp"

namespace sonde::experiments {

std::string csv_field(std::string_view field) {
  if (field.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(field);
  std::string out = "\"";
  for (char c : field) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string csv_number(double v) {
  return std::isnan(v) ? std::string() : fmt::format("{}", v);
}

std::string csv_row(const std::vector<std::string>& fields) {
  std::string out;
  for (std::size_t i = 0; i < fields.size(); ++i) out += (i ? "," : "") + csv_field(fields[i]);
  return out + '\n';
}

CsvReader::CsvReader(std::string_view text, std::string name)
    : rest_(text), name_(std::move(name)) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (rest_.starts_with(byte_order_mark)) rest_.remove_prefix(byte_order_mark.size());
}

std::string CsvReader::place() const {
  return fmt::format("{}, row {}, column {}", name_, row_, column_);
}

void CsvReader::skip_empty_rows() {
  while (rest_.starts_with('\n') || rest_.starts_with("\r\n")) {
    rest_.remove_prefix(rest_.front() == '\r' ? 2 : 1);
    ++line_;
  }
}

// What stands between quotes, where two quotes are one.
void CsvReader::read_quoted() {
  for (rest_.remove_prefix(1);; rest_.remove_prefix(1)) {
    const std::size_t quote = rest_.find('"');
    if (quote == std::string_view::npos)
      fail(ErrorCode::format, "csv", "{}: a quote is not closed", place());
    field_ += rest_.substr(0, quote);
    line_ += std::ranges::count(rest_.substr(0, quote), '\n');
    rest_.remove_prefix(quote + 1);
    if (!rest_.starts_with('"')) return;
    field_ += '"';
  }
}

bool CsvReader::next() {
  if (ends_row_) {
    skip_empty_rows();
    row_ = line_;
    column_ = 0;
  }
  if (ends_row_ && rest_.empty()) return false;
  ++column_;
  field_.clear();
  const bool quoted = rest_.starts_with('"');
  if (quoted) read_quoted();
  const std::size_t end = std::min(rest_.find_first_of(",\n"), rest_.size());
  std::string_view plain = rest_.substr(0, end);
  ends_row_ = end == rest_.size() || rest_[end] == '\n';
  if (ends_row_ && plain.ends_with('\r')) plain.remove_suffix(1);
  if (plain.find('"') != std::string_view::npos || (quoted && !plain.empty()))
    fail(ErrorCode::format, "csv", "{}: a quote stands within a field", place());
  field_ += plain;
  if (ends_row_) ++line_;
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  return true;
}

void Table::add(std::vector<std::string> row) {
  if (row.size() != columns.size())
    fail(ErrorCode::shape, "table", "{} fields for {} columns", row.size(), columns.size());
  rows.push_back(std::move(row));
}

std::string Table::csv() const {
  std::string out = csv_row(columns);
  for (const auto& row : rows) out += csv_row(row);
  return out;
}

}  // namespace sonde::experiments
