/// @file
/// The integer arguments of every operation, as rows that tests/test_bad_input.cpp tries with
/// hostile values. An operation in autograd/ops whose integer, Dims or Size2 parameter has no row
/// here fails the test.
#pragma once

#include "tests/cases.hpp"

namespace sonde::testing {

struct Argument {
  std::string name;           ///< "slice.axis": operation and parameter, as the header has them
  std::vector<Input> inputs;  ///< good inputs
  std::int64_t size;          ///< n: values around it are tried
  std::function<Vars(const Vars&, std::int64_t)>
      f;  ///< calls the operation with the value in this argument
};

using ArgumentRows = std::vector<Argument>;

// One function per family, in tests/arguments/<family>.cpp.
void conv_arguments(ArgumentRows& rows);
void index_arguments(ArgumentRows& rows);
void norm_arguments(ArgumentRows& rows);
void pool_arguments(ArgumentRows& rows);
void random_arguments(ArgumentRows& rows);
void reduce_arguments(ArgumentRows& rows);
void view_arguments(ArgumentRows& rows);

inline ArgumentRows all_arguments() {
  ArgumentRows rows;
  conv_arguments(rows);
  index_arguments(rows);
  norm_arguments(rows);
  pool_arguments(rows);
  random_arguments(rows);
  reduce_arguments(rows);
  view_arguments(rows);
  return rows;
}

}  // namespace sonde::testing
