// Attention without the matrix of scores in memory: 96 queries at a time against all keys, exact
// softmax of whole rows in the cache. The backward pass computes the scores again:
//   dV = P' dO, dP = dO V', dS = P (dP - rowsum(dO O)), dQ = scale dS K, dK = scale dS' Q.
#include <algorithm>
#include <limits>
#include <vector>

#include "tensor/attention_layout.hpp"
#include "tensor/cpu/attention_rows.hpp"
#include "tensor/cpu/gemm.hpp"
#include "tensor/cpu/gemm_kernel.hpp"
#include "tensor/cpu/register.hpp"
#include "tensor/cpu/transpose.hpp"
#include "tensor/kernels/attention.hpp"
#include "tensor/parallel.hpp"

namespace sonde::cpu {
namespace {

constexpr std::int64_t block_rows = 96;

// Elements from the start of t to its matrix `head`, heads being the leading axes in row-major
// order.
std::int64_t head_offset(const Tensor& t, std::int64_t head) {
  std::int64_t offset = 0;
  for (int i = t.rank() - 3; i >= 0; --i) {
    offset += head % t.shape()[i] * t.strides()[i];
    head /= t.shape()[i];
  }
  return offset;
}

template <class T>
Matrix<T> head_matrix(const Tensor& t, std::int64_t head) {
  const int r = t.rank();
  return {t.data<T>() + head_offset(t, head), t.shape()[r - 2], t.shape()[r - 1],
          t.strides()[r - 2], t.strides()[r - 1]};
}

Tensor zeros_ordered(const Tensor& like) {
  Tensor t = Tensor::empty_ordered(like.shape(), row_order(like), like.dtype());
  std::fill_n(t.bytes(), t.numel() * size_of(t.dtype()), std::byte{0});
  return t;
}

struct Sizes {
  std::int64_t heads, queries, keys, d, e, blocks;
  Sizes(const Tensor& q, const Tensor& k, const Tensor& v)
      : heads(1), queries(q.size(-2)), keys(k.size(-2)), d(q.size(-1)), e(v.size(-1)) {
    for (int i = 0; i + 2 < q.rank(); ++i) heads *= q.shape()[i];
    blocks = (queries + block_rows - 1) / block_rows;
  }
  // Blocks of rows that make a task of some 20 us.
  std::int64_t grain() const {
    return 1 +
           (1 << 20) / std::max<std::int64_t>(1, std::min(block_rows, queries) * keys * (d + e));
  }
};

// What is added to a row of scores.
template <class T>
class Bias {
 public:
  Bias(const Tensor& mask, std::int64_t keys) : mask_(mask) {
    if (mask_ && mask_.dtype() == DType::boolean) row_.resize(static_cast<std::size_t>(keys));
  }
  void set_head(std::int64_t head) {
    if (mask_) offset_ = head_offset(mask_, head);
    filled_ = false;
  }
  /// Null without a mask.
  const T* row(std::int64_t query) {
    if (!mask_) return nullptr;
    const std::int64_t step = mask_.strides()[mask_.rank() - 2], at = offset_ + query * step;
    if (mask_.dtype() != DType::boolean) return mask_.data<T>() + at;
    if (!filled_ || step != 0) {
      const bool* seen = mask_.data<bool>() + at;
      for (std::size_t j = 0; j < row_.size(); ++j)
        row_[j] = seen[j] ? T(0) : -std::numeric_limits<T>::infinity();
      filled_ = true;
    }
    return row_.data();
  }

 private:
  Tensor mask_;
  std::int64_t offset_ = 0;
  std::vector<T> row_;
  bool filled_ = false;
};

// The mask as [..., T, S] with rows without gaps; leading axes, and often the queries, with stride
// 0.
Tensor expanded_mask(const Tensor& mask, const Tensor& q, std::int64_t keys) {
  if (!mask) return mask;
  Dims row = mask.rank() > 0 ? mask.shape() : Dims{1};
  row[row.rank() - 1] = keys;
  return dense_rows(mask.expand(row)).expand(scores_shape(q, keys));
}

// Products with the transposed rows of one head, keys or values, which all its blocks of queries
// share: transposed once, into panels of columns. A head of one block leaves that to gemm().
template <class T>
class Transposed {
 public:
  explicit Transposed(const Sizes& n) : shared_(n.blocks > 1) {}
  /// c = a * rows', for the first c.cols of `rows`.
  void multiply(ConstMatrix<T> a, ConstMatrix<T> rows, Matrix<T> c) {
    if (!shared_) return gemm_serial<T>(a, rows.block(0, 0, c.cols, rows.cols).transposed(), c);
    const GemmKernel<T>& kernel = gemm_kernel<T>();
    if (rows.data != from_) pack(rows, kernel.panel_width);
    GemmBlock<T> g;
    g.m = c.rows, g.n = c.cols, g.k = a.cols;
    g.a = a.data, g.a_row = a.row_stride, g.a_col = a.col_stride;
    g.b = panels_.data<T>(), g.b_row = kernel.panel_width, g.b_panel = kernel.panel_width * a.cols;
    g.c = c.data, g.c_row = c.row_stride;
    kernel.block(g);
  }

 private:
  void pack(const ConstMatrix<T>& rows, std::int64_t width) {
    if (!panels_) panels_ = Tensor::empty({(rows.rows + width) * rows.cols}, dtype_of<T>);
    for (std::int64_t j = 0; j < rows.rows; j += width)
      transpose(std::min(width, rows.rows - j), rows.cols, rows.data + j * rows.row_stride,
                rows.row_stride, panels_.data<T>() + j * rows.cols, width);
    from_ = rows.data;
  }

  bool shared_;
  Tensor panels_;
  const T* from_ = nullptr;
};

// A block of scores. compute() gives the exponentials of the queries first .. first+rows-1 against
// the keys that any of them sees, and factors[r] = 1 / sum of row r.
template <class T>
struct ScoreBlock {
  const kernels::Attention& attributes;
  Bias<T> bias;
  Transposed<T> keys_transposed;
  T factors[block_rows];

  Matrix<T> compute(ConstMatrix<T> q, ConstMatrix<T> k, std::int64_t first, T* scores) {
    const std::int64_t keys = attributes.causal ? std::min(k.rows, first + q.rows) : k.rows;
    const Matrix<T> s = matrix(scores, q.rows, keys);
    keys_transposed.multiply(q, k, s);
    for (std::int64_t r = 0; r < q.rows; ++r) {
      T* row = scores + r * keys;
      const std::int64_t seen = attributes.causal ? std::min(keys, first + r + 1) : keys;
      const T sum = attention_row_kernels<T>().exponentiate(row, bias.row(first + r),
                                                            static_cast<T>(attributes.scale), seen);
      std::fill(row + seen, row + keys, T(0));
      factors[r] = sum == 0 ? T(0) : T(1) / sum;
    }
    return s;
  }
};

template <class T>
Tensor attention(const Tensor& q, const Tensor& keys, const Tensor& v, const Tensor& mask,
                 const kernels::Attention& attributes) {
  const Tensor k = dense_rows(keys);
  const Sizes n(q, k, v);
  Dims shape = q.shape();
  shape[shape.rank() - 1] = n.e;
  Tensor o = Tensor::empty_ordered(shape, row_order(q), q.dtype());
  if (o.numel() == 0) return o;
  const Tensor full_mask = expanded_mask(mask, q, n.keys);
  parallel_for(n.heads * n.blocks, n.grain(), [&](std::int64_t begin, std::int64_t end) {
    Tensor scores = Tensor::empty({std::min(block_rows, n.queries), n.keys}, q.dtype());
    ScoreBlock<T> block{attributes, Bias<T>(full_mask, n.keys), Transposed<T>(n), {}};
    for (std::int64_t unit = begin; unit < end; ++unit) {
      const std::int64_t head = unit / n.blocks, first = unit % n.blocks * block_rows;
      const std::int64_t rows = std::min(block_rows, n.queries - first);
      block.bias.set_head(head);
      const Matrix<T> s = block.compute(head_matrix<T>(q, head).block(first, 0, rows, n.d),
                                        head_matrix<T>(k, head), first, scores.data<T>());
      const Matrix<T> out = head_matrix<T>(o, head).block(first, 0, rows, n.e);
      gemm_serial<T>(s, head_matrix<T>(v, head).block(0, 0, s.cols, n.e), out);
      for (std::int64_t r = 0; r < rows; ++r)
        attention_row_kernels<T>().scale(out.data + r * out.row_stride, block.factors[r], n.e);
    }
  });
  return o;
}

template <class T>
struct Gradients {
  Matrix<T> dq, dk, dv, mask;  ///< mask [T, S], its data null if not wanted
};

// One block of queries of one head; dk and dv are added to.
template <class T>
void backward_block(const kernels::AttentionSaved& saved, const Tensor& ct, std::int64_t head,
                    std::int64_t first, std::int64_t rows, ScoreBlock<T>& block,
                    Transposed<T>& values, T* scores, T* cotangents, const Gradients<T>& to) {
  const Matrix<T> q = head_matrix<T>(saved.q, head), o = head_matrix<T>(saved.o, head),
                  c = head_matrix<T>(ct, head);
  const Matrix<T> q_rows = q.block(first, 0, rows, q.cols),
                  c_rows = c.block(first, 0, rows, c.cols);
  const Matrix<T> k_all = head_matrix<T>(saved.k, head), v_all = head_matrix<T>(saved.v, head);
  const Matrix<T> s = block.compute(q_rows, k_all, first, scores),
                  ds = matrix(cotangents, rows, s.cols);
  const Matrix<T> k = k_all.block(0, 0, s.cols, k_all.cols),
                  v = v_all.block(0, 0, s.cols, v_all.cols);
  values.multiply(c_rows, v_all, ds);
  const auto& vectors = attention_row_kernels<T>();
  const T scale = static_cast<T>(block.attributes.scale);
  for (std::int64_t r = 0; r < rows; ++r) {
    const T dot = vectors.dot(o.data + (first + r) * o.row_stride,
                              c.data + (first + r) * c.row_stride, c.cols);
    T* row = ds.data + r * s.cols;
    vectors.cotangents(s.data + r * s.cols, row, block.factors[r], dot, to.mask.data ? T(1) : scale,
                       s.cols);
    if (to.mask.data) {
      std::copy_n(row, s.cols, to.mask.data + (first + r) * to.mask.row_stride);
      vectors.scale(row, scale, s.cols);
    }
  }
  gemm_serial<T>(s.transposed(), c_rows, to.dv.block(0, 0, s.cols, v.cols), GemmStart::accumulate);
  gemm_serial<T>(ds, k, to.dq.block(first, 0, rows, q.cols));
  gemm_serial<T>(ds.transposed(), q_rows, to.dk.block(0, 0, s.cols, k.cols), GemmStart::accumulate);
}

template <class T>
void add_matrix(const T* from, const Matrix<T>& to) {
  for (std::int64_t i = 0; i < to.rows; ++i)
    for (std::int64_t j = 0; j < to.cols; ++j)
      to.data[i * to.row_stride + j] += from[i * to.cols + j];
}

// A task is one head, or with few heads a part of one head's queries: part 0 adds into dk and dv,
// the others into buffers that are then added in order. The number of parts depends on the sizes
// alone.
template <class T>
std::array<Tensor, 4> attention_grad(const kernels::AttentionSaved& in, const Tensor& cotangent,
                                     const kernels::Attention& attributes, bool mask_wanted) {
  const Sizes n(in.q, in.k, in.v);
  const kernels::AttentionSaved saved{in.q, dense_rows(in.k), dense_rows(in.v),
                                      expanded_mask(in.mask, in.q, n.keys), dense_rows(in.o)};
  const Tensor ct = dense_rows(cotangent);
  std::array<Tensor, 4> out{zeros_ordered(in.q), zeros_ordered(in.k), zeros_ordered(in.v)};
  if (mask_wanted) out[3] = Tensor::zeros(scores_shape(in.q, n.keys), ct.dtype());
  if (n.heads == 0 || n.queries == 0 || n.keys == 0) return out;
  const std::int64_t parts = std::clamp<std::int64_t>(max_chunks / n.heads, 1, n.blocks);
  const std::int64_t k_size = n.keys * n.d, v_size = n.keys * n.e;
  Tensor buffer = Tensor::zeros({n.heads, parts - 1, k_size + v_size}, ct.dtype());
  auto partial = [&](std::int64_t head, std::int64_t part) {
    return buffer.data<T>() + (head * (parts - 1) + part - 1) * (k_size + v_size);
  };
  const std::int64_t grain = std::max<std::int64_t>(1, n.grain() / ((n.blocks / parts) * 2));
  parallel_for(n.heads * parts, grain, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t size = std::min(block_rows, n.queries) * n.keys;
    Tensor work = Tensor::empty({2, size}, ct.dtype());
    ScoreBlock<T> block{attributes, Bias<T>(saved.mask, n.keys), Transposed<T>(n), {}};
    Transposed<T> values(n);
    for (std::int64_t unit = begin; unit < end; ++unit) {
      const std::int64_t head = unit / parts, part = unit % parts;
      block.bias.set_head(head);
      Gradients<T> to{head_matrix<T>(out[0], head), head_matrix<T>(out[1], head),
                      head_matrix<T>(out[2], head),
                      mask_wanted ? head_matrix<T>(out[3], head) : Matrix<T>{}};
      if (part > 0) {
        to.dk = matrix(partial(head, part), n.keys, n.d);
        to.dv = matrix(partial(head, part) + k_size, n.keys, n.e);
      }
      for (std::int64_t b = chunk_begin(n.blocks, parts, part);
           b < chunk_begin(n.blocks, parts, part + 1); ++b)
        backward_block(saved, ct, head, b * block_rows,
                       std::min(block_rows, n.queries - b * block_rows), block, values,
                       work.data<T>(), work.data<T>() + size, to);
    }
  });
  for (std::int64_t head = 0; head < n.heads; ++head)
    for (std::int64_t part = 1; part < parts; ++part) {
      add_matrix(partial(head, part), head_matrix<T>(out[1], head));
      add_matrix(partial(head, part) + k_size, head_matrix<T>(out[2], head));
    }
  return out;
}

}  // namespace

void register_attention() {
  kernels::attention.add(DeviceType::cpu, {DType::f32}, &attention<float>);
  kernels::attention.add(DeviceType::cpu, {DType::f64}, &attention<double>);
  kernels::attention_grad.add(DeviceType::cpu, {DType::f32}, &attention_grad<float>);
  kernels::attention_grad.add(DeviceType::cpu, {DType::f64}, &attention_grad<double>);
}

}  // namespace sonde::cpu
