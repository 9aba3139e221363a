/// @file
/// Reports to look at: of made-up findings that are many, few, long, absent or not numbers.
#pragma once

#include <string>
#include <vector>

namespace sonde::experiments {

struct Page {
  std::string name, html;
};

std::vector<Page> report_pages();

}  // namespace sonde::experiments
