/// @file
/// Parameters: the tensors that an optimiser changes, under names.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "nn/module.hpp"
#include "tensor/io_npz.hpp"

namespace sonde::optim {

struct NamedParameter {
  std::string name;
  Tensor value;
};

/// A module's parameters under their paths, or tensors under their positions "0", "1", ... All are
/// row-major f32 or f64 on one device; Error(dtype, shape, device) otherwise.
class Parameters {
 public:
  Parameters(const nn::Module& module);
  Parameters(const Tensors& values);
  Parameters(std::initializer_list<Tensor> values) : Parameters(Tensors(values)) {}

  std::size_t size() const { return all_.size(); }
  const NamedParameter& operator[](std::size_t i) const { return all_[i]; }
  /// Where they lie; the CPU if there are none.
  Device device() const { return all_.empty() ? Device{} : all_[0].value.device(); }
  auto begin() const { return all_.begin(); }
  auto end() const { return all_.end(); }

  /// For each parameter 1 + the index of the first pattern that its name matches (nn::matches), 0
  /// if none does. Error(names) if a pattern matches no name.
  std::vector<std::size_t> assign(const std::vector<std::string>& patterns) const;

  /// `grads` as row-major tensors, one for each parameter; empty ones stay empty. Error(names) if
  /// their number differs, Error(shape, dtype, device) if one is not of its parameter's,
  /// Error(escaped) if it belongs to a running transform.
  std::vector<Tensor> checked(const Vars& grads) const;

 private:
  void add(std::string name, const Tensor& value);
  std::vector<NamedParameter> all_;
};

/// Whether x is a finite number of at least 0.
bool is_rate(double x);

/// The tensor of an optimiser's saved state that has this name, on any device. Error(names) if
/// there is none, Error(shape, dtype) if it has not this spec's.
const Tensor& find_state(const NamedTensors& state, const std::string& name, const Spec& spec);

}  // namespace sonde::optim
