#include "tensor/storage.hpp"

#include "tensor/allocator.hpp"

namespace sonde {

Storage::Storage(std::int64_t bytes) : bytes_(bytes) {
  data_ =
      bytes <= inline_bytes ? inline_ : static_cast<std::byte*>(detail::allocate(bytes, capacity_));
}

Storage::~Storage() {
  if (capacity_ > 0) detail::deallocate(data_, capacity_);
}

}  // namespace sonde
