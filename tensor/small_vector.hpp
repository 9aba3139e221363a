/// @file
/// A vector that keeps its first N elements inline: argument lists of ops must not touch the heap.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <utility>

namespace sonde {

template <class T, std::size_t N>
class SmallVector {
 public:
  using value_type = T;
  SmallVector() = default;
  SmallVector(std::initializer_list<T> values) { append(values.begin(), values.end()); }
  explicit SmallVector(std::size_t n) { resize(n); }
  explicit SmallVector(std::span<const T> values) { append(values.begin(), values.end()); }
  SmallVector(const SmallVector& other) { append(other.begin(), other.end()); }
  SmallVector(SmallVector&& other) noexcept { take(other); }
  SmallVector& operator=(const SmallVector& other) {
    if (this != &other) {
      clear();
      append(other.begin(), other.end());
    }
    return *this;
  }
  SmallVector& operator=(SmallVector&& other) noexcept {
    if (this != &other) {
      release();
      take(other);
    }
    return *this;
  }
  ~SmallVector() { release(); }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  T& front() { return data_[0]; }
  const T& front() const { return data_[0]; }
  T& back() { return data_[size_ - 1]; }
  const T& back() const { return data_[size_ - 1]; }
  operator std::span<const T>() const { return {data_, size_}; }
  operator std::span<T>() { return {data_, size_}; }

  void push_back(T value) { emplace_back(std::move(value)); }
  template <class... Args>
  T& emplace_back(Args&&... args) {
    if (size_ == capacity_) {
      T value(std::forward<Args>(
          args)...);  // made before growing: the arguments may lie in this vector
      grow(2 * capacity_);
      return place(std::move(value));
    }
    return place(std::forward<Args>(args)...);
  }
  template <class It>
  void append(It first, It last) {
    for (; first != last; ++first) emplace_back(*first);
  }
  void resize(std::size_t n) {
    while (size_ > n) pop_back();
    if (n > capacity_) grow(n);
    while (size_ < n) emplace_back();
  }
  void reserve(std::size_t n) {
    if (n > capacity_) grow(n);
  }
  void pop_back() { std::destroy_at(data_ + --size_); }
  void clear() {
    std::destroy(begin(), end());
    size_ = 0;
  }

 private:
  template <class... Args>
  T& place(Args&&... args) {
    T* slot = std::construct_at(data_ + size_, std::forward<Args>(args)...);
    ++size_;
    return *slot;
  }
  T* inline_data() { return reinterpret_cast<T*>(buffer_); }
  void grow(std::size_t capacity) {
    T* moved = std::allocator<T>().allocate(capacity);
    std::uninitialized_move(begin(), end(), moved);
    std::destroy(begin(), end());
    free_heap();
    data_ = moved;
    capacity_ = capacity;
  }
  void free_heap() {
    if (data_ != inline_data()) std::allocator<T>().deallocate(data_, capacity_);
  }
  void release() {
    clear();
    free_heap();
    data_ = inline_data();
    capacity_ = N;
  }
  void take(SmallVector& other) {  // *this is empty and inline
    if (other.data_ == other.inline_data()) {
      std::uninitialized_move(other.begin(), other.end(), data_);
      size_ = other.size_;
      other.clear();
    } else {
      data_ = std::exchange(other.data_, other.inline_data());
      size_ = std::exchange(other.size_, 0);
      capacity_ = std::exchange(other.capacity_, N);
    }
  }

  alignas(T) std::byte buffer_[N * sizeof(T)];
  T* data_ = inline_data();
  std::size_t size_ = 0, capacity_ = N;
};

}  // namespace sonde
