#include "analysis/space.hpp"

#include <algorithm>
#include <set>

#include "nn/names.hpp"

namespace sonde {
namespace {

void check_spec(const Spec& given, const Spec& own, const std::string& what) {
  if (given == own) return;
  const ErrorCode code = given.dtype != own.dtype      ? ErrorCode::dtype
                         : !(given.shape == own.shape) ? ErrorCode::shape
                                                       : ErrorCode::device;
  fail(code, "space", "{}: given {}, not {}", what, given, own);
}

}  // namespace

Space::Space(const std::vector<std::string>& names, const std::vector<Dims>& shapes, DType dtype,
             Device device)
    : dtype_(dtype), device_(device) {
  if (names.size() != shapes.size())
    fail(ErrorCode::names, "space", "{} names for {} tensors", names.size(), shapes.size());
  if (!is_float(dtype) || size_of(dtype) < 4)
    fail_hint(ErrorCode::dtype, "space", "convert the model with convert(DType::f64)",
              "vectors are f32 or f64, not {}", dtype);
  std::set<std::string> seen;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!seen.insert(names[i]).second)
      fail(ErrorCode::names, "space", "two blocks are called '{}'", names[i]);
    const std::int64_t size = numel(shapes[i]);
    blocks_.push_back({names[i], shapes[i], size_, size});
    size_ = checked_add(size_, size);
  }
}

Space Space::flat(std::int64_t size, DType dtype, std::string name, Device device) {
  return Space({std::move(name)}, {{size}}, dtype, device);
}

Space Space::parameters(const nn::Module& module) {
  std::vector<std::string> names;
  std::vector<Dims> shapes;
  Vars values;
  for (const nn::NamedEntry& p : module.named_parameters()) {
    names.push_back(p.path);
    shapes.push_back(p.handle->value.shape());
    values.push_back(p.handle->value);
  }
  if (values.empty()) return {names, shapes, DType::f32};
  check_alike(names, values, "space");
  return {names, shapes, values[0].dtype(), values[0].device()};
}

void check_alike(const std::vector<std::string>& names, const Vars& values, std::string_view who) {
  for (std::size_t i = 1; i < values.size(); ++i) {
    const Spec &first = values[0].spec(), &own = values[i].spec();
    if (own.dtype != first.dtype)
      fail_hint(ErrorCode::dtype, who, "convert all to one type, a model with convert()",
                "{} is {}, {} is {}", names[0], first, names[i], own);
    if (!(own.device == first.device))
      fail_hint(ErrorCode::device, who, "move all to one device", "{} is {}, {} is {}", names[0],
                first, names[i], own);
  }
}

const Block& Space::block(std::string_view name) const {
  const auto found = std::ranges::find(blocks_, name, &Block::name);
  if (found != blocks_.end()) return *found;
  std::vector<std::string> names;
  for (const Block& b : blocks_) names.push_back(b.name);
  const std::string near = nn::nearest(name, names);
  fail_hint(ErrorCode::names, "space", near.empty() ? "" : "did you mean '" + near + "'?",
            "no block is called '{}'", name);
}

std::vector<std::size_t> Space::matching(std::string_view pattern) const {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < blocks_.size(); ++i)
    if (nn::matches(pattern, blocks_[i].name)) found.push_back(i);
  if (found.empty()) {
    std::vector<std::string> names;
    for (const Block& b : blocks_) names.push_back(b.name);
    fail_hint(ErrorCode::names, "space", fmt::format("names are {}", fmt::join(names, ", ")),
              "no block matches '{}'", pattern);
  }
  return found;
}

Space Space::restricted(std::string_view pattern) const {
  std::vector<std::string> names;
  std::vector<Dims> shapes;
  for (const std::size_t i : matching(pattern)) {
    names.push_back(blocks_[i].name);
    shapes.push_back(blocks_[i].shape);
  }
  return {names, shapes, dtype_, device_};
}

Tensor Space::flatten(const Vars& tensors) const {
  if (tensors.size() != blocks_.size())
    fail(ErrorCode::shape, "space", "{} tensors for {} blocks", tensors.size(), blocks_.size());
  if (tensors.empty()) return Tensor::empty({0}, dtype_, device_);
  const Tensor first = tensors[0].tensor();
  const bool many = first.rank() > blocks_[0].shape.rank();
  const std::int64_t n = many ? first.size(0) : 1;
  Tensor out = Tensor::empty({n, size_}, dtype_, device_);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const Block& b = blocks_[i];
    Dims expected = b.shape;
    if (many) expected.insert(0, n);
    const Tensor t = tensors[i].tensor();
    check_spec(t.spec(), {expected, dtype_, device_}, "block " + b.name);
    out.slice(1, b.begin, b.begin + b.size).copy_from(t.reshape({n, b.size}));
  }
  return many ? out : out.select(0, 0);
}

Vars Space::unflatten(const Tensor& vectors) const {
  const int rank = vectors.rank();
  if (rank < 1 || rank > 2 || vectors.size(-1) != size_)
    fail(ErrorCode::shape, "space", "vectors of {} elements are [{}] or [n, {}], not {}", size_,
         size_, size_, vectors.shape());
  check_spec(vectors.spec(), {vectors.shape(), dtype_, device_}, "vectors");
  Vars out;
  for (const Block& b : blocks_) {
    Dims shape = b.shape;
    if (rank == 2) shape.insert(0, vectors.size(0));
    out.push_back(Var(vectors.slice(rank - 1, b.begin, b.begin + b.size).reshape(shape)));
  }
  return out;
}

Tensor block_of(const Tensor& matrix, const Space& space, std::string_view row,
                std::string_view column) {
  if (matrix.shape() != Dims{space.size(), space.size()})
    fail(ErrorCode::shape, "block_of", "a matrix {} over {}", matrix.shape(), to_string(space));
  const Block &r = space.block(row), &c = space.block(column);
  return matrix.slice(0, r.begin, r.begin + r.size).slice(1, c.begin, c.begin + c.size);
}

std::string to_string(const Space& space) {
  const std::string place = space.device() == Device{} ? "" : fmt::format(" on {}", space.device());
  return fmt::format("{} blocks, {} elements, {}{}", space.blocks().size(), space.size(),
                     space.dtype(), place);
}

}  // namespace sonde
