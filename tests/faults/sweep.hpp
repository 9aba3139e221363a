/// @file
/// Runs a scenario once for each place where a fault can strike.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "scenarios.hpp"
#include "shim.hpp"
#include "temp_folder.hpp"

namespace sonde::faults {

/// Files of a folder by their path in it.
using Contents = std::map<std::string, std::string>;
Contents contents_of(const std::filesystem::path& folder);

/// A scenario in a folder that is put back before each fault.
class Sweep {
 public:
  explicit Sweep(const Scenario& scenario);

  /// Nth call 1, 2, ... until the work ends without a fault; `check` looks at each outcome. Returns
  /// the number of faults.
  int each(Fault fault, const std::function<void(const Fault&, const Outcome&)>& check);
  /// The same with the work in a child process, which the fault ends; every call or fewer.
  int each_ended(Fault fault, const std::function<void(const Fault&)>& check, int stride = 1);

  /// What is wrong with the files: neither the old nor the new ones; a file aside that was left. An
  /// empty text if nothing is.
  std::string damage(bool asides_allowed) const;
  /// Goes on without faults; what is wrong with how that ends.
  std::string trouble_afterwards() const;
  const Outcome& undisturbed() const { return undisturbed_; }
  const std::string folder() const { return folder_.path().string(); }

 private:
  void restore() const;
  Outcome looked(const std::function<Outcome(const std::filesystem::path&)>& work) const;

  const Scenario& scenario_;
  TempFolder folder_;
  Contents old_, new_;
  Outcome undisturbed_;
};

}  // namespace sonde::faults
