// Random numbers as functions of a key. They have no derivative; a key with lanes gives each lane
// its own numbers.
#include <cmath>

#include "autograd/bases.hpp"
#include "autograd/promote.hpp"
#include "tensor/kernels/random.hpp"

namespace sonde {
namespace {

// The axes of a key tensor [..., 2] before the last; Error(dtype, shape) if it holds no keys.
Dims key_lanes(const Var& key, std::string_view op) {
  if (key.dtype() != DType::i64)
    fail_hint(ErrorCode::dtype, op, "make one with random_key(seed)", "the key is {}", key.spec());
  Dims lanes = key.shape();
  if (lanes.empty() || lanes.back() != 2)
    fail_hint(ErrorCode::shape, op, "make one with random_key(seed)", "the key is {}, not i64[2]",
              key.spec());
  lanes.erase(lanes.rank() - 1);
  return lanes;
}

Tensor key_rows(const Tensor& keys) {
  return keys.reshape({keys.numel() / 2, 2});
}

/// A function of keys [..., 2] only. Batching: more keys.
class OfKeys : public Primitive {
 public:
  Vars jvp(const Vars&, const Vars& out, const Vars&) const override { return nothing(out.size()); }
  Vars vjp(const Vars& in, const Vars&, const Vars&, Needs) const override {
    return nothing(in.size());
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t n) const override {
    Vars rows;
    for (std::size_t i = 0; i < in.size(); ++i) rows.push_back(with_lanes(in[i], axes[i], n));
    return {emit(self(), std::move(rows)), {0}};
  }
  bool differentiable() const override { return false; }

 private:
  static Vars nothing(std::size_t n) {
    Vars none;
    none.resize(n);
    return none;
  }
};

/// Draws of `shape` for each key.
class Draw : public OfKeys {
 public:
  Draw(const Dims& shape, DType dtype) : shape_(shape), dtype_(dtype) {}
  void infer(std::span<const Var> in, Specs& out) const override {
    check();
    Dims shape = key_lanes(in[0], name());
    numel(shape_);
    for (std::int64_t d : shape_) shape.push_back(d);
    numel(shape);
    out.emplace_back(Spec{shape, dtype_, in[0].device()});
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    const Tensor keys = key_rows(in[0]);
    Tensor y = Tensor::empty({keys.shape()[0], numel(shape_)}, dtype_, in[0].device());
    run(keys, y);
    return make_vars(Var(y.reshape(out[0].shape)));
  }
  std::string attributes() const override {
    return fmt::format("shape={}, dtype={}", shape_, dtype_);
  }

 protected:
  virtual void check() const = 0;  ///< the attributes; Error(value, dtype)
  virtual void run(const Tensor& keys, Tensor& out) const = 0;
  const Dims shape_;
  const DType dtype_;
};

/// A distribution with real parameters.
class Distribution : public Draw {
 public:
  using Slot = Kernel<kernels::Random>;
  Distribution(Slot& slot, const Dims& shape, DType dtype, const kernels::RandomParams& p)
      : Draw(shape, dtype), p_(p), slot_(slot) {}

 protected:
  void run(const Tensor& keys, Tensor& out) const override {
    slot_.find(out.device(), dtype_)(keys, p_, out);
  }
  void require(bool condition, std::string_view what) const {
    if (!condition) fail(ErrorCode::value, name(), "{}", what);
  }
  void require_float() const {
    if (!is_differentiable(dtype_))
      fail(ErrorCode::dtype, name(), "draws f32 or f64, not {}", dtype_);
  }
  const kernels::RandomParams p_;

 private:
  Slot& slot_;
};

class Uniform final : public Named<Uniform, Distribution> {
 public:
  static constexpr std::string_view id = "uniform";
  using Named::Named;
  void check() const override {
    require_float();
    require(p_.a <= p_.b && std::isfinite(p_.b - p_.a),
            fmt::format("no interval from {} to {}", p_.a, p_.b));
  }
};

class Normal final : public Named<Normal, Distribution> {
 public:
  static constexpr std::string_view id = "normal";
  using Named::Named;
  void check() const override {
    require_float();
    require(std::isfinite(p_.a) && p_.b >= 0 && std::isfinite(p_.b),
            fmt::format("mean {}, standard deviation {}", p_.a, p_.b));
  }
};

class TruncatedNormal final : public Named<TruncatedNormal, Distribution> {
 public:
  static constexpr std::string_view id = "truncated_normal";
  using Named::Named;
  void check() const override {
    require_float();
    require(std::isfinite(p_.a) && p_.b > 0 && std::isfinite(p_.b),
            fmt::format("mean {}, standard deviation {}", p_.a, p_.b));
    require(p_.c <= p_.d, fmt::format("no interval from {} to {}", p_.c, p_.d));
  }
};

class Bernoulli final : public Named<Bernoulli, Distribution> {
 public:
  static constexpr std::string_view id = "bernoulli";
  using Named::Named;
  void check() const override {
    require(p_.a >= 0 && p_.a <= 1, fmt::format("{} is no probability", p_.a));
  }
};

class RandInt final : public Named<RandInt, Draw> {
 public:
  static constexpr std::string_view id = "randint";
  RandInt(const Dims& shape, std::int64_t low, std::int64_t high, DType dtype)
      : Named(shape, dtype), low_(low), high_(high) {}
  void check() const override {
    if (low_ >= high_) fail(ErrorCode::value, id, "no integers in [{}, {})", low_, high_);
    if (dtype_ == DType::i32 && (low_ < INT32_MIN || high_ - 1 > INT32_MAX))
      fail_hint(ErrorCode::value, id, "draw i64", "[{}, {}) exceeds i32", low_, high_);
  }
  void run(const Tensor& keys, Tensor& out) const override {
    kernels::random_integers.find(out.device(), dtype_)(keys, low_, high_, out);
  }

 private:
  std::int64_t low_, high_;
};

class Permutation final : public Named<Permutation, Draw> {
 public:
  static constexpr std::string_view id = "permutation";
  explicit Permutation(std::int64_t n) : Named(Dims{n}, DType::i64) {}
  void check() const override {}
  void run(const Tensor& keys, Tensor& out) const override {
    kernels::random_permutation.find(out.device(), dtype_)(keys, out);
  }
};

class SplitKey final : public Named<SplitKey, Draw> {
 public:
  static constexpr std::string_view id = "split_key";
  explicit SplitKey(std::int64_t n) : Named(Dims{n, 2}, DType::i64) {}
  void check() const override {}
  void run(const Tensor& keys, Tensor& out) const override {
    Tensor children = out.reshape({keys.shape()[0], shape_[0], 2});
    kernels::split_keys.find(out.device(), dtype_)(keys, children);
  }
};

class FoldIn final : public Named<FoldIn, OfKeys> {  // (key [..., 2], data [...])
 public:
  static constexpr std::string_view id = "fold_in";
  void infer(std::span<const Var> in, Specs& out) const override {
    const Dims lanes = key_lanes(in[0], id);
    if (in[1].dtype() != DType::i64)
      fail(ErrorCode::dtype, id, "the data is {}, not i64", in[1].spec());
    if (!(in[1].shape() == lanes))
      fail(ErrorCode::shape, id, "data {} for keys {}", in[1].spec(), in[0].spec());
    out.push_back(in[0].spec());
  }
  Vars forward(std::span<Tensor> in, const Specs& out) const override {
    const Tensor keys = key_rows(in[0]);
    Tensor y = Tensor::empty(keys.shape(), DType::i64, keys.device());
    kernels::fold_keys.find(y.device(), DType::i64)(keys, in[1].reshape({keys.shape()[0]}), y);
    return make_vars(Var(y.reshape(out[0].shape)));
  }
};

Var draw(const PrimitivePtr& p, Operand key) {
  const std::source_location where = key.where;
  return emit1(p, make_vars(as_var(std::move(key))), where);
}

}  // namespace

Var uniform(Operand key, const Dims& shape, double low, double high, DType dtype) {
  return draw(
      make_ref<Uniform>(kernels::random_uniform, shape, dtype, kernels::RandomParams{low, high}),
      std::move(key));
}
Var normal(Operand key, const Dims& shape, double mean, double std, DType dtype) {
  return draw(
      make_ref<Normal>(kernels::random_normal, shape, dtype, kernels::RandomParams{mean, std}),
      std::move(key));
}
Var truncated_normal(Operand key, const Dims& shape, double mean, double std, double low,
                     double high, DType dtype) {
  const kernels::RandomParams p{mean, std, low, high};
  return draw(make_ref<TruncatedNormal>(kernels::random_truncated_normal, shape, dtype, p),
              std::move(key));
}
Var bernoulli(Operand key, const Dims& shape, double probability, DType dtype) {
  return draw(make_ref<Bernoulli>(kernels::random_bernoulli, shape, dtype,
                                  kernels::RandomParams{probability}),
              std::move(key));
}
Var randint(Operand key, const Dims& shape, std::int64_t low, std::int64_t high, DType dtype) {
  return draw(make_ref<RandInt>(shape, low, high, dtype), std::move(key));
}
Var permutation(Operand key, std::int64_t n) {
  return draw(make_ref<Permutation>(n), std::move(key));
}
Var split_key(Operand key, std::int64_t n) {
  return draw(make_ref<SplitKey>(n), std::move(key));
}

Var fold_in(Operand key, const Var& data) {
  static const PrimitivePtr p = make_ref<FoldIn>();
  const std::source_location where = key.where;
  return emit1(p, make_vars(as_var(std::move(key)), data), where);
}
Var fold_in(Operand key, std::int64_t data) {
  const std::source_location where = key.where;
  Var keys = as_var(std::move(key));
  const Tensor number = Tensor::from<std::int64_t>({data}, {}).to(keys.device());
  return fold_in({std::move(keys), where}, Var(number));
}

}  // namespace sonde
