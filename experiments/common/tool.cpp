#include "experiments/common/tool.hpp"

#include <CLI/CLI.hpp>
#include <string>

#include "experiments/common/program.hpp"
#include "tensor/error.hpp"
#include "tensor/system.hpp"

namespace sonde::experiments {

int run_tool(CLI::App& app, int argc, const char* const* argv, const std::function<int()>& work) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    print(app.help());
    return done;
  } catch (const CLI::CallForVersion&) {
    print(app.get_name() + " of Sonde " + std::string(version()) + "\n");
    return done;
  } catch (const CLI::ParseError& e) {
    fail_hint(ErrorCode::usage, app.get_name(), "--help lists the options", "{}", e.what());
  }
  return work();
}

}  // namespace sonde::experiments
