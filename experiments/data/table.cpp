#include "experiments/data/table.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <vector>

#include "experiments/common/csv.hpp"
#include "experiments/common/folder.hpp"
#include "experiments/data/idx.hpp"
#include "experiments/data/loader.hpp"
#include "tensor/io_npy.hpp"

namespace sonde::experiments {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t max_columns = std::int64_t{1} << 20;  // bounds what the first row may cost

// The whole field as a number; whatever the locale. Spaces around it do not matter.
template <class T>
std::optional<T> number(std::string_view field) {
  const auto first = field.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  field = field.substr(first, field.find_last_not_of(' ') + 1 - first);
  T value{};
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc() || end != field.data() + field.size()) return {};
  return value;
}

// What a message shows of a field: the start of it, and no control characters.
std::string shown(std::string field) {
  field.resize(std::min<std::size_t>(field.size(), 40));
  std::ranges::replace_if(
      field, [](unsigned char c) { return c < ' ' || c == 127; }, '?');
  return field;
}

// What a first look at a CSV file finds.
struct Layout {
  std::int64_t rows = 0, columns = 0;
  bool named = false;      // the first row holds names
  std::int64_t label = 0;  // column, from 1
  bool numbered = true;    // all labels are classes already
  std::int64_t classes = 0;
  std::map<std::string, std::int64_t> words{};  // labels to classes otherwise
};

// Rows, columns, and whether the first row holds names.
Layout outline(std::string_view text, const std::string& name, const std::string& label) {
  Layout found;
  std::vector<std::string> first;
  bool any_number = false;
  CsvReader csv(text, name);
  while (csv.next()) {
    if (csv.column() > max_columns)
      fail(ErrorCode::format, "csv", "{}: more than {} columns", csv.place(), max_columns);
    if (found.rows == 0) {
      first.push_back(csv.field());
      any_number = any_number || number<double>(csv.field());
    }
    if (!csv.ends_row()) continue;
    if (found.rows++ == 0) found.columns = csv.column();
    if (csv.column() != found.columns)
      fail(ErrorCode::format, "csv", "{}: the last of {} columns; the first row has {}",
           csv.place(), csv.column(), found.columns);
  }
  found.named = !first.empty() && !any_number;
  if (found.named) --found.rows;
  if (found.rows < 1 || found.columns < 2)
    fail(ErrorCode::format, "csv", "{}: {} rows of {} columns hold no inputs with labels", name,
         found.rows, found.columns);
  const auto at = std::ranges::find(first, label);
  if (!label.empty() && (!found.named || at == first.end()))
    fail(ErrorCode::usage, "csv", "{}: no column is called '{}'", name, label);
  found.label = label.empty() ? found.columns : at - first.begin() + 1;
  return found;
}

// Calls f(field, csv) for each field behind the names.
template <class F>
void for_each_field(std::string_view text, const std::string& name, const Layout& layout, F f) {
  CsvReader csv(text, name);
  for (std::int64_t i = 0; layout.named && i < layout.columns; ++i) csv.next();
  while (csv.next()) f(csv.field(), csv);
}

// Finds out what the labels are.
void name_classes(std::string_view text, const std::string& name, Layout& layout) {
  for_each_field(text, name, layout, [&](const std::string& field, const CsvReader& csv) {
    if (csv.column() != layout.label) return;
    if (field.empty()) fail(ErrorCode::format, "csv", "{}: the label is empty", csv.place());
    const auto value = number<std::int64_t>(field);
    layout.numbered = layout.numbered && value && *value >= 0 && *value < max_classes;
    if (layout.numbered) layout.classes = std::max(layout.classes, *value + 1);
    if (layout.words.size() <= max_classes) layout.words.emplace(field, 0);
  });
  if (layout.numbered) return;
  if (layout.words.size() > max_classes)
    fail(ErrorCode::format, "csv", "{}: more than {} different labels", name, max_classes);
  layout.classes = 0;
  for (auto& [word, index] : layout.words) index = layout.classes++;
}

void check_finite(const Tensor& inputs, const std::string& name) {
  const float* values = inputs.data<float>();
  const auto bad =
      std::find_if(values, values + inputs.numel(), [](float v) { return !std::isfinite(v); });
  if (bad != values + inputs.numel())
    fail(ErrorCode::format, "data", "{}: element {} is {}", name, bad - values, *bad);
}

Tensor intensities(const Tensor& pixels) {
  const Tensor bytes = pixels.contiguous();
  const std::uint8_t* from = bytes.data<std::uint8_t>();
  Tensor out = Tensor::empty(bytes.shape());
  std::transform(from, from + bytes.numel(), out.mutable_data<float>(), intensity);
  return out;
}

// Inputs and labels of any reader, checked.
ImageSet labelled(const Tensor& inputs, const Tensor& labels, const std::string& name) {
  if (inputs.rank() < 2 || labels.rank() != 1 || inputs.numel() == 0 ||
      inputs.size(0) != labels.size(0))
    fail(ErrorCode::format, "data", "{}: inputs {} and labels {} do not belong together", name,
         inputs.shape(), labels.shape());
  if (is_float(labels.dtype()))
    fail(ErrorCode::format, "data", "{}: labels are whole numbers, these are {}", name,
         labels.spec());
  const Tensor classes = labels.to(DType::i64).contiguous();
  const std::int64_t* c = classes.data<std::int64_t>();
  const auto [least, greatest] = std::minmax_element(c, c + classes.numel());
  if (*least < 0 || *greatest >= max_classes)
    fail(ErrorCode::format, "data", "{}: labels from {} to {} are not in 0 ... {}", name, *least,
         *greatest, max_classes - 1);
  const Tensor numbers =
      inputs.dtype() == DType::u8 ? intensities(inputs) : inputs.to(DType::f32).contiguous();
  check_finite(numbers, name);
  return {numbers, classes, *greatest + 1};
}

}  // namespace

ImageSet read_csv(const fs::path& path, const std::string& label, std::int64_t max_bytes) {
  return read_csv(read_text(path, max_bytes), path.string(), label);
}

ImageSet read_csv(std::string_view text, const std::string& name, const std::string& label) {
  Layout layout = outline(text, name, label);
  name_classes(text, name, layout);
  ImageSet set{Tensor::empty({layout.rows, layout.columns - 1}),
               Tensor::empty({layout.rows}, DType::i64), layout.classes};
  float* input = set.images.mutable_data<float>();
  auto* target = set.labels.mutable_data<std::int64_t>();
  for_each_field(text, name, layout, [&](const std::string& field, const CsvReader& csv) {
    if (csv.column() == layout.label) {
      *target++ = layout.numbered ? *number<std::int64_t>(field) : layout.words.at(field);
      return;
    }
    const auto value = number<float>(field);
    if (!value || !std::isfinite(*value))
      fail(ErrorCode::format, "csv", "{}: '{}' is no finite number", csv.place(), shown(field));
    *input++ = *value;
  });
  return set;
}

ImageSet read_npy_pair(const fs::path& inputs, const fs::path& labels) {
  return labelled(load_npy(inputs.string()), load_npy(labels.string()), inputs.string());
}

ImageSet load_folder(const fs::path& folder, const std::string& label) {
  if (fs::is_regular_file(folder / "data.csv")) return read_csv(folder / "data.csv", label);
  if (fs::is_regular_file(folder / "x.npy") && fs::is_regular_file(folder / "y.npy"))
    return read_npy_pair(folder / "x.npy", folder / "y.npy");
  if (const auto pair = read_idx_pair(folder, "train"))
    return labelled(pair->images, pair->labels, folder.string());
  fail_hint(ErrorCode::data, "data",
            "put there data.csv; or x.npy and y.npy; or train-images-idx3-ubyte and "
            "train-labels-idx1-ubyte",
            "{} holds no data", folder.string());
}

std::pair<ImageSet, ImageSet> held_out(const ImageSet& set, double share, std::uint64_t seed) {
  const bool possible = share > 0 && share < 1;
  const auto count =
      possible ? static_cast<std::int64_t>(share * static_cast<double>(set.size())) : 0;
  if (count < 1)
    fail(ErrorCode::usage, "held_out", "{} of {} items leave one of the two parts empty", share,
         set.size());
  const std::vector<std::int64_t> items = permutation({seed, 0}, set.size());
  const auto first = std::span(items).first(static_cast<std::size_t>(count));
  return {take(set, std::span(items).subspan(first.size())), take(set, first)};
}

}  // namespace sonde::experiments
