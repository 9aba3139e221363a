#include "experiments/common/program.hpp"

#include <filesystem>
#include <iostream>
#include <new>

#include "experiments/common/interrupt.hpp"
#include "tensor/system.hpp"

namespace sonde::experiments {
namespace {

int say(std::string_view program, std::string_view what, int code) {
  std::cerr << program << ": " << what << std::endl;
  return code;
}

int run(const About& about, const std::function<void(Cli&)>& declare,
        const std::function<void(Run&)>& body, int argc, const char* const* argv) {
  Cli cli(about);
  declare(cli);
  if (const auto page = cli.parse(argc, argv)) {
    std::cout << *page << std::flush;
    return done;
  }
  if (const std::string warning = system_info().blas_warning; !warning.empty())
    say(about.name, "warning: " + warning, done);
  InterruptGuard signals;
  Run run(cli);
  body(run);
  run.finish();
  std::cout << run.closing_lines() << std::flush;
  return done;
}

}  // namespace

int exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::usage:
      return bad_usage;
    case ErrorCode::memory:
    case ErrorCode::size:
    case ErrorCode::data:
    case ErrorCode::file:
    case ErrorCode::format:
    case ErrorCode::names:
      return bad_data;
    case ErrorCode::numeric:
    case ErrorCode::anomaly:
      return failed_numerics;
    default:
      return defect;
  }
}

int run_program(const About& about, const std::function<void(Cli&)>& declare,
                const std::function<void(Run&)>& body, int argc, const char* const* argv) {
  try {
    return run(about, declare, body, argc, argv);
  } catch (const Interrupted&) {
    return say(about.name, "interrupted; --resume goes on from here", interrupted_run);
  } catch (const Error& e) {
    return say(about.name, e.what(), exit_code(e.code()));
  } catch (const std::filesystem::filesystem_error& e) {
    return say(about.name, e.what(), bad_data);
  } catch (const std::bad_alloc&) {
    return say(about.name, "out of memory", bad_data);
  } catch (const std::exception& e) {
    return say(about.name, e.what(), defect);
  }
}

}  // namespace sonde::experiments
