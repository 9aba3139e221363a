#include "analysis/meeting.hpp"

#include "autograd/ops.hpp"

namespace sonde {
namespace {

std::int64_t product_of(const Dims& shape, int begin, int end) {
  std::int64_t n = 1;
  for (int i = begin; i < end; ++i) n *= shape[i];
  return n;
}

// A weight of rank 2 serves every matrix of the data; one with leading axes has them in common with
// the data, each a group of its own.
std::optional<Meeting> product_of(const Transposed& stored, std::size_t side, const Tensor& view,
                                  const Var& data, const Var& out) {
  Meeting m{.kind = Meeting::Kind::product};
  const Dims &w = view.shape(), &x = data.shape();
  const int lead = data.rank() - 2;
  const std::int64_t matrices = product_of(x, 0, lead);
  if (w.rank() > 2) {
    if (w.rank() != data.rank()) return std::nullopt;
    for (int i = 0; i < lead; ++i)
      if (w[i] != x[i]) return std::nullopt;
    m.groups = matrices;
  }
  m.weight_left = side == 0;
  m.data_transposed = m.weight_left ? !stored.b : stored.a;
  m.weight_transposed = m.weight_left ? stored.a : !stored.b;
  m.in = x[x.rank() - (m.data_transposed ? 2 : 1)];
  m.positions = matrices / m.groups * x[x.rank() - (m.data_transposed ? 1 : 2)];
  m.out = out.size(m.weight_left ? -2 : -1);
  return m;
}

std::optional<Meeting> convolution_of(const ConvAttrs& attributes, std::size_t side,
                                      const Tensor& view, const Var& data, const Var& out) {
  if (side != 1 || data.rank() != 4 || view.rank() != 4) return std::nullopt;
  Meeting m{.kind = Meeting::Kind::convolution, .attributes = attributes};
  m.groups = attributes.groups;
  m.positions = out.size(0) * out.size(2) * out.size(3);
  m.in = view.size(1) * view.size(2) * view.size(3);
  m.out = view.size(0) / m.groups;
  return m;
}

std::optional<Meeting> lookup_of(std::int64_t axis, std::size_t side, const Tensor& view,
                                 const Var& data) {
  if (side != 0 || view.rank() != 2 || (axis != 0 && axis != -2)) return std::nullopt;
  Meeting m{.kind = Meeting::Kind::lookup};
  m.positions = data.numel();
  m.in = view.size(0);
  m.out = view.size(1);
  return m;
}

std::optional<Meeting> recognised(const Primitive& p, std::size_t side, const Tensor& view,
                                  const Var& data, const Var& out) {
  if (const auto stored = matmul_attributes(p)) return product_of(*stored, side, view, data, out);
  if (const auto attrs = conv2d_attributes(p)) return convolution_of(*attrs, side, view, data, out);
  if (const auto axis = take_attributes(p)) return lookup_of(*axis, side, view, data);
  return std::nullopt;
}

// What each filter sees: [n, images, C, H, W] as [groups, n, images P Q, R S C / groups].
Tensor patches(const Meeting& m, const Tensor& data) {
  const ConvAttrs& a = m.attributes;
  const std::int64_t n = data.size(0), images = data.size(1), channels = data.size(2) / m.groups,
                     rows = m.view.size(2), columns = m.view.size(3);
  const Dims zeros{0, 0, a.padding[0], a.padding[1], 0};
  const Tensor x = pad(permute(data, {0, 1, 3, 4, 2}), zeros, zeros).tensor().contiguous();
  const Dims& s = x.strides();  // of n, images, height, width, channels
  const Tensor view =
      x.as_strided({m.groups, n * images, m.shape[2], m.shape[3], rows, columns, channels},
                   {channels, s[1], s[2] * a.stride[0], s[3] * a.stride[1], s[2] * a.dilation[0],
                    s[3] * a.dilation[1], 1},
                   x.offset());
  return view.reshape({m.groups, n, m.positions, m.in});
}

}  // namespace

std::optional<Meeting> meeting_of(const Primitive& p, std::size_t side, const Tensor& view,
                                  const Var& data, const Var& out) {
  auto m = recognised(p, side, view, data, out);
  if (!m) return m;
  m->view = view;
  m->shape = out.shape();
  return m;
}

bool same_use(const Meeting& a, const Meeting& b) {
  return a.kind == b.kind && a.parameter == b.parameter &&
         a.weight_transposed == b.weight_transposed && a.groups == b.groups && a.in == b.in &&
         a.out == b.out && a.view.shape() == b.view.shape() &&
         a.view.strides() == b.view.strides() && a.view.offset() == b.view.offset();
}

Tensor input_factor(const Meeting& m, const Tensor& data) {
  const std::int64_t n = data.size(0);
  if (m.kind == Meeting::Kind::lookup) return data.reshape({1, n, m.positions});
  if (m.kind == Meeting::Kind::convolution) return patches(m, data);
  const Tensor rows = m.data_transposed ? data.transpose(-2, -1) : data;
  return rows.reshape({n, m.groups, m.positions, m.in}).permute({1, 0, 2, 3});
}

Tensor cotangent_factor(const Meeting& m, const Tensor& cotangents) {
  const std::int64_t n = cotangents.size(0), outputs = cotangents.size(1);
  if (m.kind == Meeting::Kind::convolution)  // [n, outputs, images, groups out, P, Q]
    return cotangents.permute({0, 1, 2, 4, 5, 3})
        .reshape({n, outputs, m.positions, m.groups, m.out})
        .permute({3, 0, 1, 2, 4});
  const Tensor rows = m.weight_left ? cotangents.transpose(-2, -1) : cotangents;
  return rows.reshape({n, outputs, m.groups, m.positions, m.out}).permute({2, 0, 1, 3, 4});
}

}  // namespace sonde
