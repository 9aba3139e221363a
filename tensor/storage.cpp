#include "tensor/storage.hpp"

#include "tensor/allocator.hpp"
#include "tensor/backend.hpp"

namespace sonde {

Storage::Storage(std::int64_t bytes, Device device) : bytes_(bytes), device_(device) {
  if (device.type != DeviceType::cpu) {
    if (bytes == 0) return;
    data_ = static_cast<std::byte*>(detail::backend(device).allocate(*this));
    capacity_ = bytes;
    return;
  }
  data_ =
      bytes <= inline_bytes ? inline_ : static_cast<std::byte*>(detail::allocate(bytes, capacity_));
}

Storage::~Storage() {
  if (capacity_ == 0) return;
  if (device_.type == DeviceType::cpu)
    detail::deallocate(data_, capacity_);
  else
    detail::backend(device_).deallocate(*this);
}

}  // namespace sonde
