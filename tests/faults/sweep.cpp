#include "sweep.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include "experiments/common/json.hpp"
#include "experiments/common/program.hpp"
#include "tensor/error.hpp"

namespace sonde::faults {
namespace {

namespace fs = std::filesystem;

// A hang is a failure too, and no fault takes a tenth of this.
constexpr unsigned patience = 20;  // seconds

bool is_json(const std::string& bytes) {
  return experiments::Json::accept(bytes);
}

// Files that hold times or grow: whole by their form. Others must be the old or the new one.
// Checkpoints carry checksums, which are compared when the work goes on.
bool whole_by_form(const std::string& name, const std::string& bytes) {
  if (name == "log.jsonl" || name == ".lock" || name.starts_with("checkpoint.")) return true;
  if (name.ends_with(".json")) return is_json(bytes);
  return name.ends_with(".html") && bytes.ends_with("</html>\n");
}

bool is(const Contents& all, const std::string& name, const std::string& bytes) {
  const auto found = all.find(name);
  return found != all.end() && found->second == bytes;
}

}  // namespace

Contents contents_of(const fs::path& folder) {
  Contents out;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      out[entry.path().lexically_relative(folder).string()] = read_bytes(entry.path());
  return out;
}

Sweep::Sweep(const Scenario& scenario) : scenario_(scenario) {
  scenario_.prepare(folder_.path());
  old_ = contents_of(folder_.path());
  undisturbed_ = looked(scenario_.work);
  new_ = contents_of(folder_.path());
}

Outcome Sweep::looked(const std::function<Outcome(const fs::path&)>& work) const {
  Outcome outcome = work(folder_.path());
  if (outcome.code == 0 && scenario_.look) outcome.result += scenario_.look(folder_.path());
  return outcome;
}

void Sweep::restore() const {
  for (const auto& entry : fs::directory_iterator(folder_.path())) fs::remove_all(entry);
  for (const auto& [name, bytes] : old_) {
    fs::create_directories((folder_.path() / name).parent_path());
    write_bytes(folder_ / name, bytes);
  }
}

int Sweep::each(Fault fault, const std::function<void(const Fault&, const Outcome&)>& check) {
  for (fault.nth = 1;; ++fault.nth) {
    restore();
    const fs::path place = folder_.path();
    ::alarm(patience);
    if (!arm(fault, place.c_str())) throw std::runtime_error("no Syscall User Dispatch");
    Outcome outcome = scenario_.work(place);
    const int injected = disarm();
    ::alarm(0);
    if (outcome.code == 0 && scenario_.look) outcome.result += scenario_.look(place);
    check(fault, outcome);
    if (injected == 0) return fault.nth - 1;
  }
}

int Sweep::each_ended(Fault fault, const std::function<void(const Fault&)>& check, int stride) {
  int ended = 0;
  for (fault.nth = 1;; fault.nth += stride, ++ended) {
    restore();
    const fs::path place = folder_.path();
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(patience);
      experiments::end_without_memory();  // as every program does
      if (!arm(fault, place.c_str())) ::_exit(1);
      const int code = scenario_.work(place).code;
      disarm();
      ::_exit(code);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return ended;
    const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    const int expected = fault.call == Call::allocate ? 3 : 130;
    if (!killed && !(WIFEXITED(status) && WEXITSTATUS(status) == expected))
      throw std::runtime_error(fmt::format("the child ended with status {:#x}", status));
    check(fault);
  }
}

std::string Sweep::damage(bool asides_allowed) const {
  std::string out;
  for (const auto& [name, bytes] : contents_of(folder_.path())) {
    if (name.find(".tmp.") != std::string::npos) {
      if (!asides_allowed) out += name + " was left; ";
    } else if (!is(old_, name, bytes) && !is(new_, name, bytes) && !whole_by_form(name, bytes)) {
      out += name + " is torn; ";
    }
  }
  if (scenario_.look) return out;  // a run that starts over removes what was there
  for (const auto& [name, bytes] : old_)
    if (new_.contains(name) && !fs::exists(folder_.path() / name) && !whole_by_form(name, bytes))
      out += name + " is gone; ";
  return out;
}

std::string Sweep::trouble_afterwards() const {
  const Outcome outcome = looked(scenario_.again ? scenario_.again : scenario_.work);
  if (outcome.code != 0) return fmt::format("exit code {}: {}", outcome.code, outcome.text);
  if (outcome.result != undisturbed_.result)
    return "other results: " + outcome.result + " instead of " + undisturbed_.result;
  return "";
}

}  // namespace sonde::faults
