/// @file
/// Space: flat vectors made of named tensors, as the linear maps of analysis/ take and give them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "autograd/var.hpp"
#include "nn/module.hpp"

namespace sonde {

/// A named tensor's place in a flat vector: elements begin ... begin + size - 1.
struct Block {
  std::string name;
  Dims shape;
  std::int64_t begin = 0, size = 0;
  friend bool operator==(const Block&, const Block&) = default;
};

/// The vectors that are the elements of named tensors of one floating type on one device, one
/// tensor after the other, row-major.
class Space {
 public:
  /// Error(names) unless there is one name for each shape, all different; Error(dtype) unless f32
  /// or f64; Error(size) on overflow.
  Space(const std::vector<std::string>& names, const std::vector<Dims>& shapes,
        DType dtype = DType::f64, Device device = {});
  /// One block `name` of rank 1.
  static Space flat(std::int64_t size, DType dtype = DType::f64, std::string name = "x",
                    Device device = {});
  /// The module's parameters by path, in the order of named_parameters(); Error(dtype, device) if
  /// they differ.
  static Space parameters(const nn::Module& module);

  std::int64_t size() const { return size_; }
  DType dtype() const { return dtype_; }
  Device device() const { return device_; }
  const std::vector<Block>& blocks() const { return blocks_; }
  /// Error(names) naming the nearest one if there is none.
  const Block& block(std::string_view name) const;
  /// Positions of the blocks whose names match `pattern` (matches() of nn/names.hpp); Error(names)
  /// if none does.
  std::vector<std::size_t> matching(std::string_view pattern) const;
  /// These blocks alone, in their order here.
  Space restricted(std::string_view pattern) const;

  /// [size()] or, for tensors with a leading axis of n, [n, size()]. Error(shape, dtype, device)
  /// unless the tensors are the blocks'.
  Tensor flatten(const Vars& tensors) const;
  /// The inverse: from [size()] tensors of the blocks' shapes, from [n, size()] with a leading axis
  /// of n. Views where strides allow.
  Vars unflatten(const Tensor& vectors) const;

  friend bool operator==(const Space&, const Space&) = default;

 private:
  std::vector<Block> blocks_;
  std::int64_t size_ = 0;
  DType dtype_;
  Device device_;
};

/// Error(dtype) or Error(device), in the name of `who`, unless all tensors, which have these names,
/// are of one type and on one device.
void check_alike(const std::vector<std::string>& names, const Vars& values, std::string_view who);

/// Block (`row`, `column`) of a matrix [space.size(), space.size()], a view.
Tensor block_of(const Tensor& matrix, const Space& space, std::string_view row,
                std::string_view column);

/// "3 blocks, 130 elements, f64", and "on cuda:0" if not on the host
std::string to_string(const Space& space);

}  // namespace sonde
