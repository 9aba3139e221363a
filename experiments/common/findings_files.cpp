#include "experiments/common/findings_files.hpp"

#include "experiments/common/folder.hpp"
#include "experiments/common/report.hpp"
#include "tensor/backend.hpp"
#include "tensor/file.hpp"
#include "tensor/system.hpp"

namespace sonde::experiments {

std::string device_name(Device device) {
  return device == Device{} ? system_info().cpu : device_info(device).name;
}

RunFacts facts_here(const About& about) {
  const SystemInfo machine = system_info();
  return {.experiment = about.name,
          .paper = about.paper,
          .version = version(),
          .device = "cpu",
          .blas_core = machine.blas_core,
          .simd = machine.simd,
          .cpu = machine.cpu,
          .device_name = machine.cpu,
          .measures = about.measures,
          .versions = machine.versions};
}

void write_findings(const std::filesystem::path& folder, const About& about, const RunFacts& facts,
                    const Json& settings, const Results& results) {
  atomic_write(folder / "results.csv", results.table.csv());
  make_folder(folder / "figures");
  for (const auto& [figure, caption] : results.figures) {
    atomic_write(folder / "figures" / (figure.name() + ".svg"), figure.svg());
    atomic_write(folder / "figures" / (figure.name() + ".csv"), figure.csv());
  }
  atomic_write(folder / "report.html", report_html(about, facts, settings, results));
  atomic_write(folder / "summary.json",
               summary(facts, results).dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace sonde::experiments
