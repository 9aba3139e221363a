/// @file
/// Rows of comma-separated values as RFC 4180 has them, written and read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sonde::experiments {

/// A field in quotes if it holds a comma, a quote or a line break.
std::string csv_field(std::string_view field);
/// The shortest text that reads back as `v`; nothing for NaN.
std::string csv_number(double v);
/// Fields joined by commas, with a line break at the end.
std::string csv_row(const std::vector<std::string>& fields);

/// The fields of a text, one after the other. Rows end with a line feed, with or without a carriage
/// return before it; empty rows and a byte-order mark at the start are passed over.
class CsvReader {
 public:
  /// `text` must outlive the reader; `name` is what messages call it.
  CsvReader(std::string_view text, std::string name);

  /// Goes to the next field; false at the end of the text. Error(format) on a quote that is not
  /// closed, or that stands within a field.
  bool next();
  const std::string& field() const { return field_; }
  /// Of the field: counted from 1 (the row as an editor counts lines).
  std::int64_t row() const { return row_; }
  std::int64_t column() const { return column_; }
  bool ends_row() const { return ends_row_; }
  /// "data.csv, row 3, column 2", for messages.
  std::string place() const;

 private:
  void skip_empty_rows();
  void read_quoted();

  std::string_view rest_;
  std::string name_, field_;
  std::int64_t line_ = 1, row_ = 0, column_ = 0;  // line_: of what comes next
  bool ends_row_ = true;
};

/// A table; a row has one field for each column.
struct Table {
  std::vector<std::string> columns{};
  std::vector<std::vector<std::string>> rows{};

  /// Adds a row; Error(shape) if it has not one field for each column.
  void add(std::vector<std::string> row);
  std::string csv() const;
};

}  // namespace sonde::experiments
