#include "analysis/io.hpp"

#include "tensor/io_npz.hpp"

namespace sonde {
namespace {

void add_places(NamedTensors& out, const std::string& side, const Space& space) {
  for (const Block& b : space.blocks())
    out[side + "." + b.name] = Tensor::from<std::int64_t>({b.begin, b.begin + b.size}, {2});
}

void add_blocks(NamedTensors& out, const std::string& prefix, const Space& space,
                const Tensor& vectors) {
  const Vars parts = space.unflatten(vectors);
  for (std::size_t i = 0; i < parts.size(); ++i)
    out[prefix + space.blocks()[i].name] = parts[i].tensor();
}

}  // namespace

void save_map(const std::string& path, const LinearMap& map, DenseOptions options) {
  NamedTensors out{{"matrix", dense(map, options)}};
  add_places(out, "range", map.range());
  add_places(out, "domain", map.domain());
  save_npz(path, out);
}

void save_vector(const std::string& path, const Space& space, const Tensor& vectors) {
  NamedTensors out;
  add_blocks(out, "", space, vectors);
  save_npz(path, out);
}

void save_spectrum(const std::string& path, const Tensor& eigenvalues,
                   const std::optional<Space>& space, const std::optional<Tensor>& eigenvectors) {
  if (eigenvalues.rank() != 1)
    fail(ErrorCode::shape, "save_spectrum", "eigenvalues are {}, not a vector", eigenvalues.spec());
  NamedTensors out{{"eigenvalues", eigenvalues}};
  if (eigenvectors) {
    if (!space || eigenvectors->rank() != 2 || eigenvectors->size(0) != eigenvalues.size(0))
      fail_hint(ErrorCode::shape, "save_spectrum", "one row for each value, and their Space",
                "{} eigenvalues, eigenvectors {}", eigenvalues.size(0), eigenvectors->spec());
    add_blocks(out, "eigenvectors.", *space, *eigenvectors);
  }
  save_npz(path, out);
}

}  // namespace sonde
