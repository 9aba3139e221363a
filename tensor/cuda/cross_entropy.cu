// Cross-entropy with integer targets: the losses of all rows, and its gradient, in one pass over
// the logits each. Of the forward pass only the logsumexp of each row is kept: exp(x - lse) costs
// less than reading it back.
#include "tensor/cuda/register.hpp"
#include "tensor/cuda/row_exponentials.hpp"
#include "tensor/kernels/softmax_norm.hpp"
#include "tensor/rows.hpp"

namespace sonde::cuda {
namespace {

constexpr const char* op = "cross_entropy";

/// What both kernels know of the targets.
struct Targets {
  const std::int64_t* index;
  std::int64_t classes, ignored;
  FaultNote note;

  /// Is the row counted? A target outside the classes is noted, and its row counts nothing.
  __device__ bool counts(std::int64_t row) const {
    const std::int64_t target = index[row];
    return target != ignored && target >= 0 && target < classes;
  }
  __device__ void check(std::int64_t row) const {
    const std::int64_t target = index[row];
    if (target != ignored && !counts(row))
      note_fault(note, op, FaultKind::target, row, target, classes);
  }
};

template <class T>
struct Losses {
  T *loss, *lse, *counted;
  T smoothing;
};

// loss = lse - (1-s) x[target] - s mean(x)
template <class Row, class T>
__global__ void loss_kernel(const T* x, Targets targets, Losses<T> out, std::int64_t rows,
                            bool wide) {
  for_each_team(rows, Row::Team::size, [&](std::int64_t r, bool real) {
    const T* logits = x + r * targets.classes;
    const Row row({{logits}, targets.classes, wide});
    const T lse = row_exponentials(row).logsumexp(), s = out.smoothing;
    const T total = s != 0 ? row.sum([](auto, T v) { return v; }) : T(0);
    if (!real || Row::Team::rank() != 0) return;
    targets.check(r);
    const bool counts = targets.counts(r);
    T loss = 0;
    if (counts) loss = lse - (1 - s) * logits[targets.index[r]];
    if (counts && s != 0) loss -= s * (total / static_cast<T>(targets.classes));
    out.loss[r] = loss;
    out.lse[r] = lse;
    out.counted[r] = counts ? T(1) : T(0);
  });
}

template <class T>
struct Slopes {
  const T *lse, *ct;
  T uniform, hit;  ///< q of every class, and what the target has beyond it
};

// (exp(x - lse) - q) ct
template <class Row, class T>
__global__ void slope_kernel(const T* x, Targets targets, Slopes<T> a, T* g, std::int64_t rows,
                             bool wide) {
  for_each_team(rows, Row::Team::size, [&](std::int64_t r, bool real) {
    if (!real) return;
    const Row row({{x + r * targets.classes}, targets.classes, wide});
    if (Row::Team::rank() == 0) targets.check(r);
    const bool counts = targets.counts(r);
    const std::int64_t target = targets.index[r];
    const T lse = a.lse[r], ct = a.ct[r];
    row.write(g + r * targets.classes, [&](auto i, T v) {
      const T q = i == target ? a.uniform + a.hit : a.uniform;
      return counts ? (exp(v - lse) - q) * ct : T(0);
    });
  });
}

Targets targets_of(Stream& stream, const Tensor& target, std::int64_t classes,
                   const kernels::CrossEntropy& a) {
  return {pointer<const std::int64_t>(stream, target), classes, a.ignore_index,
          stream.faults.note()};
}

template <class T>
std::array<Tensor, 3> cross_entropy(const Tensor& x, const Tensor& target,
                                    const kernels::CrossEntropy& a) {
  Dims shape = x.shape();
  shape.erase(a.axis);
  const std::int64_t rows = numel(shape), classes = x.size(a.axis);
  std::array<Tensor, 3> out;
  for (Tensor& t : out) t = Tensor::empty(shape, x.dtype(), x.device());
  if (rows == 0) return out;
  const Tensor logits = as_rows(x, a.axis), index = target.contiguous();
  Stream& stream = stream_of(x.device());
  const T* in = pointer<const T>(stream, logits);
  const Targets targets = targets_of(stream, index, classes, a);
  const Losses<T> losses{pointer<T>(stream, out[0]), pointer<T>(stream, out[1]),
                         pointer<T>(stream, out[2]), static_cast<T>(a.label_smoothing)};
  choose_row<T, 1>(rows, classes, [&](auto kind, const Grid& grid) {
    using Row = typename decltype(kind)::type;
    launch(op, stream, grid, &loss_kernel<Row, T>, in, targets, losses, rows,
           takes_packs(in, {classes}));
  });
  return out;
}

template <class T>
Tensor cross_entropy_grad(const Tensor& x, const Tensor& target, const Tensor& lse,
                          const Tensor& ct, const kernels::CrossEntropy& a) {
  Tensor g = empty_rows(x, a.axis);
  if (x.numel() == 0) return g;
  const std::int64_t classes = x.size(a.axis), rows = x.numel() / classes;
  const Tensor logits = as_rows(x, a.axis), index = target.contiguous();
  const Tensor shift = lse.contiguous(), scale = ct.contiguous();
  Stream& stream = stream_of(x.device());
  const T* in = pointer<const T>(stream, logits);
  T* out = pointer<T>(stream, g);
  const double s = a.label_smoothing, with = a.with_target ? 1 : 0;
  const Targets targets = targets_of(stream, index, classes, a);
  const Slopes<T> slopes{pointer<const T>(stream, shift), pointer<const T>(stream, scale),
                         static_cast<T>(with * s / static_cast<double>(classes)),
                         static_cast<T>(with * (1 - s))};
  choose_row<T, 1>(rows, classes, [&](auto kind, const Grid& grid) {
    using Row = typename decltype(kind)::type;
    launch("cross_entropy_grad", stream, grid, &slope_kernel<Row, T>, in, targets, slopes, out,
           rows, takes_packs(in, {classes}) && takes_packs(out, {classes}));
  });
  return g;
}

template <class T>
void add_cross_entropy() {
  kernels::cross_entropy.add(DeviceType::cuda, {dtype_of<T>}, &cross_entropy<T>);
  kernels::cross_entropy_grad.add(DeviceType::cuda, {dtype_of<T>}, &cross_entropy_grad<T>);
}

}  // namespace

void register_cross_entropy() {
  add_cross_entropy<float>();
  add_cross_entropy<double>();
}

}  // namespace sonde::cuda
