#include "analysis/tiles.hpp"

#include <filesystem>

#include "analysis/kernel.hpp"
#include "autograd/ops.hpp"
#include "tensor/file.hpp"
#include "tensor/io_npy.hpp"

namespace sonde {
namespace {

namespace fs = std::filesystem;

std::string read_note(const std::string& path) {
  FileStream in(path);
  std::string text(static_cast<std::size_t>(in.remaining()), '\0');
  in.read(reinterpret_cast<std::byte*>(text.data()), in.remaining());
  return text;
}

class Tiles final : public LinearMap::Rule {
 public:
  Tiles(TileFolder folder, DType dtype, Device device)
      : folder_(std::move(folder)),
        space_(Space::flat(folder_.rows() * folder_.block(), dtype, "x", device)) {}
  const Space& domain() const override { return space_; }
  const Space& range() const override { return space_; }
  Tensor apply(const Tensor& v) const override {
    Tensor out = Tensor::zeros(v.shape(), v.dtype(), v.device());
    for (std::int64_t i = 0; i < folder_.tiles(); ++i)
      for (std::int64_t j = i; j < folder_.tiles(); ++j) {
        const Tensor tile = kernel_matrix(folder_.get(i, j)).to(v.device());
        add(out, i, matmul(part(v, j), tile, {.b = true}));
        if (i != j) add(out, j, matmul(part(v, i), tile));
      }
    return out;
  }
  Tensor transpose(const Tensor& u) const override { return apply(u); }
  bool symmetric() const override { return true; }
  Cost cost(std::int64_t n) const override {
    const auto size = static_cast<double>(space_.size()),
               tile = static_cast<double>(folder_.end(0) * folder_.block());
    return {2 * static_cast<double>(n) * size * size,
            2 * tile * tile * static_cast<double>(size_of(space_.dtype()))};
  }
  std::string name() const override { return "kernel in tiles"; }

 private:
  Tensor part(const Tensor& v, std::int64_t i) const {
    return v.slice(1, folder_.begin(i) * folder_.block(), folder_.end(i) * folder_.block());
  }
  void add(const Tensor& to, std::int64_t i, const Var& product) const {
    Tensor place = part(to, i);
    place.copy_from((Var(place) + product).tensor());
  }
  const TileFolder folder_;
  const Space space_;
};

}  // namespace

TileFolder::TileFolder(std::string path) : path_(std::move(path)) {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) fail(ErrorCode::file, "tiles", "make {}: {}", path_, error.message());
}

void TileFolder::describe(const std::string& kernel, std::int64_t rows, std::int64_t block,
                          std::int64_t tile, DType dtype) {
  if (rows < 1 || block < 1 || tile < 1)
    fail(ErrorCode::value, "tiles", "{} rows in tiles of {}, blocks of {}", rows, tile, block);
  const std::string note = fmt::format("{}\n{} rows, blocks of {}, tiles of {}, {}\n", kernel, rows,
                                       block, tile, dtype),
                    path = path_ + "/kernel.txt";
  if (!fs::exists(path))
    atomic_write(path, note);
  else if (read_note(path) != note)
    fail_hint(ErrorCode::usage, "tiles", "give an empty folder, or remove this one",
              "{} holds tiles of another kernel", path_);
  rows_ = rows;
  block_ = block;
  tile_ = tile;
  dtype_ = dtype;
}

std::string TileFolder::file(std::int64_t i, std::int64_t j) const {
  return fmt::format("{}/tile_{}_{}.npy", path_, i, j);
}

bool TileFolder::has(std::int64_t i, std::int64_t j) const {
  return fs::exists(file(i, j));
}

void TileFolder::put(std::int64_t i, std::int64_t j, const Tensor& tile) {
  save_npy(file(i, j), tile);
}

Tensor TileFolder::get(std::int64_t i, std::int64_t j) const {
  if (i > j) return get(j, i).permute({1, 0, 3, 2});
  Tensor tile = load_npy(file(i, j));
  const Dims expected{end(i) - begin(i), end(j) - begin(j), block_, block_};
  if (tile.shape() != expected || tile.dtype() != dtype_)
    fail_hint(ErrorCode::format, "tiles", "remove this file: it will be computed again",
              "{} is {}, not {} {}", file(i, j), tile.spec(), dtype_, expected);
  return tile;
}

Tensor TileFolder::assembled() const {
  Tensor out = Tensor::empty({rows_, rows_, block_, block_}, dtype_);
  for (std::int64_t i = 0; i < tiles(); ++i)
    for (std::int64_t j = i; j < tiles(); ++j) {
      const Tensor tile = get(i, j);
      out.slice(0, begin(i), end(i)).slice(1, begin(j), end(j)).copy_from(tile);
      if (i != j)
        out.slice(0, begin(j), end(j))
            .slice(1, begin(i), end(i))
            .copy_from(tile.permute({1, 0, 3, 2}));
    }
  return out;
}

LinearMap TileFolder::map(Device device) const {
  return LinearMap(std::make_shared<Tiles>(*this, dtype_, device));
}

}  // namespace sonde
