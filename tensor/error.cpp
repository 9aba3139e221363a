#include "tensor/error.hpp"

namespace sonde {

void Error::compose() {
  what_ = fmt::format("[S{}] {}: {}", static_cast<int>(code_), op_, message_);
  if (line_ != 0) what_ += fmt::format("; at {}:{}", file_, line_);
  if (!module_path_.empty()) what_ += fmt::format(", in {}", module_path_);
  if (!hint_.empty()) what_ += fmt::format("; hint: {}", hint_);
}

}  // namespace sonde
