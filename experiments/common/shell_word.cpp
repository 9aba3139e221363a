#include "experiments/common/shell_word.hpp"

namespace sonde::experiments {

std::string shell_word(std::string_view word) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=,:@%+";
  if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos)
    return std::string(word);
  std::string out = "'";
  for (const char c : word)
    if (c == '\'')
      out += R"('\'')";
    else
      out += c;
  return out + "'";
}

}  // namespace sonde::experiments
