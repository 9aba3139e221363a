// docs/pytorch.md against the headers: its second column names every public function and class of
// the folders below, and nothing else.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "tests/paths.hpp"

namespace {

using Names = std::set<std::string>;

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::filesystem::path source(const std::string& path) {
  return std::filesystem::path(sonde::testing::source_dir()) / path;
}

// The first group of every match.
Names found(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  Names names;
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it)
    names.insert((*it)[1]);
  return names;
}

// Functions declared at the beginning of a line: a type, then the name and a bracket. Operators are
// rows of the functions they stand for.
Names functions(const std::string& header) {
  const std::string type = R"((?!return|using|struct|class)[A-Za-z][\w:<>, &*]*)";
  const std::string signature = R"((?:\([^()]*\)[\w:<>, &*]*)?)";  // in std::function<R(A)>
  return found(header, R"(\n(?:inline )?)" + type + signature + R"([ >&](\w+)\()");
}

// Classes that are defined, but no templates: those have names for what is made of them.
Names classes(const std::string& header) {
  Names names = found(header, R"([^>]\nclass (\w+)(?: final)?(?: :[^;{]*)? \{)");
  names.merge(found(header, R"(\nusing (\w+) = (?:Activation|Pool|AdaptivePool)<)"));
  return names;
}

std::string public_part(const std::filesystem::path& header) {
  static const std::regex detail(
      R"(namespace (\w+::)*detail \{[^]*?\n\}  // namespace (\w+::)*detail)");
  return std::regex_replace(read(header), detail, "");
}

// What the headers of a folder declare; `prefix` is their namespace below sonde.
template <class Extract>
Names declared(const std::string& folder, const std::string& prefix, Extract extract) {
  Names names;
  for (const auto& file : std::filesystem::directory_iterator(source(folder))) {
    if (file.path().extension() != ".hpp") continue;
    for (const std::string& name : extract(public_part(file.path()))) names.insert(prefix + name);
  }
  return names;
}

// All code spans of the second column of the page's tables, up to the first character that belongs
// to no name.
Names page_names() {
  Names names;
  const std::string page = read(source("docs/pytorch.md"));
  for (const std::string& cell : found(page, R"(\n\|[^|\n]*\|([^|\n]*)\|[^|\n]*\|(?=\n))"))
    names.merge(found(cell, R"(`([\w:]+)[^`]*`)"));
  return names;
}

std::string listed(const Names& names) {
  std::string text;
  for (const std::string& name : names) text += ' ' + name;
  return text;
}

Names without(Names names, const Names& others) {
  for (const std::string& name : others) names.erase(name);
  return names;
}

// Functions that nobody looks for under a name of PyTorch's: names as text, and parts of others.
const Names helpers{"nn::matches",       "nn::nearest",    "nn::to_string",
                    "optim::find_state", "optim::is_rate", "optim::strong_wolfe"};

Names all_declared() {
  Names all = declared("autograd/ops", "", functions);
  all.merge(functions(public_part(source("autograd/transforms.hpp"))));
  for (const auto& [folder, prefix] : std::initializer_list<std::pair<const char*, const char*>>{
           {"nn", "nn::"}, {"nn/models", "nn::"}, {"optim", "optim::"}}) {
    all.merge(declared(folder, prefix, functions));
    all.merge(declared(folder, prefix, classes));
  }
  EXPECT_EQ(listed(without(helpers, all)), "") << "no helper any more";
  return without(all, helpers);
}

TEST(PytorchPage, NamesAllThatIsPublicAndNothingElse) {
  const Names all = all_declared(), named = page_names();
  for (const char* name : {"vmap", "max_pool2d_with_indices", "nn::MaxPool2d", "nn::BatchNorm2d",
                           "nn::Vit", "optim::one_cycle_momentum", "optim::Parameters"})
    EXPECT_TRUE(all.contains(name)) << name;  // one of each form of a declaration
  EXPECT_GE(all.size(), 250u);
  EXPECT_EQ(listed(without(all, named)), "") << "declared, but not on the page";
  EXPECT_EQ(listed(without(named, all)), "") << "on the page, but not declared";
}

}  // namespace
