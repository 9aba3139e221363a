#include "experiments/page/registry.hpp"

#include "experiments/common/shell_word.hpp"

namespace sonde::experiments {

const std::vector<Paper>& papers() {
  static const std::vector<Paper> all{
      {"hardness", "Hahn, Rofin 2024",
       "Hahn, Rofin: Why are Sensitive Functions Hard for Transformers? (ACL 2024, arXiv "
       "2402.09963)"},
      {"sensitivity", "Vasudeva et al. 2025",
       "Vasudeva, Fu, Zhou, Kau, Huang, Sharan: Transformers Learn Low Sensitivity Functions "
       "(ICLR 2025, arXiv 2403.06925)"},
      {"hessian", "Ormaniec, Dangel, Singh 2025",
       "Ormaniec, Dangel, Singh: What Does It Mean to Be a Transformer? Insights from a "
       "Theoretical Hessian Analysis (ICLR 2025, arXiv 2410.10986)"},
  };
  return all;
}

const std::vector<Experiment>& experiments() {
  static const std::vector<Experiment> all{
      {"boolean_checks", "hardness", "boolean_checks"},
      {"boolean_scaling", "hardness", "boolean_scaling"},
      {"boolean_tradeoff", "hardness", "boolean_tradeoff"},
      {"boolean_dynamics", "hardness", "boolean_dynamics"},
      {"boolean_generalization", "hardness", "boolean_generalization"},
      {"boolean_scratchpad", "hardness", "boolean_scratchpad"},
      {"boolean_length", "hardness", "boolean_length"},
      {"sensitivity_vision", "sensitivity", "sensitivity_vision", {}, "fashion-mnist"},
      {"sensitivity_vision_cifar10",
       "sensitivity",
       "sensitivity_vision",
       {"--data", "cifar10"},
       "cifar10"},
      {"sparse_tokens", "sensitivity", "sparse_tokens"},
      {"ntk_boolean", "sensitivity", "ntk_boolean"},
      {"hessian_attention", "hessian", "hessian_attention"},
      {"hessian_heterogeneity", "hessian", "hessian_heterogeneity"},
      {"hessian_growth", "hessian", "hessian_growth"},
  };
  return all;
}

std::string size_option(SizeClass size) {
  return size == SizeClass::quick ? "--quick" : size == SizeClass::full ? "--full" : "";
}

std::filesystem::path runs_folder(SizeClass size) {
  const std::filesystem::path standard = "out/report";
  return size == SizeClass::standard ? standard : standard / size_option(size).substr(2);
}

std::vector<std::string> command_of(const Experiment& experiment, SizeClass size,
                                    const std::filesystem::path& runs) {
  std::vector<std::string> words{experiment.program};
  words.insert(words.end(), experiment.options.begin(), experiment.options.end());
  if (size != SizeClass::standard) words.push_back(size_option(size));
  words.insert(words.end(), {"--out", (runs / experiment.name).string()});
  return words;
}

std::string command_line(const Experiment& experiment, SizeClass size,
                         const std::filesystem::path& runs) {
  std::string line;
  for (const std::string& word : command_of(experiment, size, runs))
    line += (line.empty() ? "" : " ") + shell_word(word);
  return line;
}

}  // namespace sonde::experiments
