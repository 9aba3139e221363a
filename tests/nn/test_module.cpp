// Modules, handles and contexts, on modules made of plain arithmetic.
#include <gtest/gtest.h>

#include <thread>

#include "autograd/ops.hpp"
#include "nn/module.hpp"

namespace sonde::nn {
namespace {

class Scale final : public Module {
 public:
  explicit Scale(double factor)
      : factor_(parameter("factor", Tensor::scalar(factor, DType::f64))) {}
  Var forward(Context& ctx, Var x) const override { return mul(std::move(x), ctx[factor_]); }
  const Handle& factor() const { return factor_; }

 private:
  Handle factor_;
};

// b + first(second(x)), where `first` and `second` may share their factor.
class Pair final : public Module {
 public:
  Pair() : first_(2), second_(3), offset_(parameter("offset", Tensor::scalar(10, DType::f64))) {
    child("first", first_);
    child("second", second_);
  }
  Var forward(Context& ctx, Var x) const override {
    return add(first_(ctx, second_(ctx, std::move(x))), ctx[offset_]);
  }
  Scale first_, second_;

 private:
  Handle offset_;
};

// Two children that hold one parameter.
class Tied final : public Module {
 public:
  class User final : public Module {
   public:
    explicit User(const Handle& shared) : shared_(shared) { tie("weight", shared); }
    Var forward(Context& ctx, Var x) const override { return mul(std::move(x), ctx[shared_]); }

   private:
    Handle shared_;
  };
  Tied() : first_(2), second_(first_.factor()) {
    child("first", first_);
    child("second", second_);
  }
  Var forward(Context& ctx, Var x) const override {
    return second_(ctx, first_(ctx, std::move(x)));
  }

 private:
  Scale first_;
  User second_;
};

Var f64(double v) {
  return Tensor::scalar(v, DType::f64);
}

TEST(Module, NamesAreThoseOfTheTree) {
  const Pair m;
  std::vector<std::string> paths;
  for (const auto& p : m.named_parameters()) paths.push_back(p.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"offset", "first.factor", "second.factor"}));
  EXPECT_EQ(m.parameter_count(), 3);
}

TEST(Module, CallsByOwnAndByGivenParameters) {
  const Pair m;
  EXPECT_EQ(m(f64(1)).item(), 16);
  EXPECT_EQ(functional_call(m, make_vars(f64(0), f64(5), f64(7)), f64(1)).item(), 35);
  EXPECT_EQ(m(f64(1)).item(), 16);         // nothing was mutated
  EXPECT_EQ(m.second_(f64(2)).item(), 6);  // a child alone, with slots of the whole tree
  EXPECT_THROW(functional_call(m, make_vars(f64(0)), f64(1)), Error);
}

TEST(Module, TransformsOfFunctionalCallsNest) {
  const Pair m;  // y = a b x + c
  const Function y = [&](const Vars& p) { return functional_call(m, p, f64(2)); };
  const Vars p = m.parameters();
  const Vars g = grad(y)(p);
  EXPECT_EQ(g[0].item(), 1);
  EXPECT_EQ(g[1].item(), 6);
  EXPECT_EQ(g[2].item(), 4);
  // d/dx of (d y / d a) = b, through a functional call inside a functional call
  const Function of_x = [&](const Var& x) {
    return grad([&](const Vars& q) { return functional_call(m, q, x); })(p)[1];
  };
  EXPECT_EQ(grad(of_x)(make_vars(f64(2)))[0].item(), 3);
}

TEST(Module, ATiedParameterIsOneEntry) {
  const Tied m;
  ASSERT_EQ(m.named_parameters().size(), 1u);
  EXPECT_EQ(m(f64(3)).item(), 12);
  const auto r = value_and_grad(m, [&](Context& ctx) { return make_vars(m(ctx, f64(3))); });
  EXPECT_EQ(r.grads[0].item(), 12);  // d (w w x) / dw = 2 w x
}

TEST(Module, ValueAndGradReturnsAux) {
  const Pair m;
  const auto r = value_and_grad(m, [&](Context& ctx) {
    EXPECT_TRUE(ctx.training());
    Var y = m(ctx, f64(2));
    return make_vars(mul(y, y), y);
  });
  EXPECT_EQ(r.value.item(), 22 * 22);
  EXPECT_EQ(r.aux[0].item(), 22);
  EXPECT_EQ(r.grads[0].item(), 44);
}

TEST(Module, ObserverSeesAndReplacesByPath) {
  const Pair m;
  std::vector<std::string> seen;
  const Observer observer = [&](const std::string& path, Var v) {
    seen.push_back(path);
    return path == "second.out" ? f64(100) : v;
  };
  Context ctx(m, m.parameters(), Mode::eval, {}, &observer);
  EXPECT_EQ(m(ctx, f64(1)).item(), 210);
  EXPECT_EQ(seen, (std::vector<std::string>{"in", "second.in", "second.out", "first.in",
                                            "first.out", "out"}));
}

TEST(Module, ErrorsNameTheModule) {
  const Pair m;
  try {
    functional_call(
        m,
        make_vars(f64(0), Var(Tensor::zeros({2}, DType::f64)), Var(Tensor::zeros({3}, DType::f64))),
        Tensor::zeros({2}, DType::f64));
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.module_path(), "second");
  }
  Context ctx(m.first_, m.first_.parameters());
  EXPECT_THROW(ctx[m.second_.factor()], Error);
}

TEST(Module, KeysDifferByParameterAndAreRepeatable) {
  const Pair m;
  const Context a(m, m.parameters(), Mode::train, {1, 2}),
      b(m, m.parameters(), Mode::train, {1, 2});
  EXPECT_EQ(a.key(m.first_.factor()), b.key(m.first_.factor()));
  EXPECT_NE(a.key(m.first_.factor()), a.key(m.second_.factor()));
}

TEST(Module, SetParametersChecksFirst) {
  const Pair m;
  Pair target;
  target.set_parameters({Tensor::scalar(1, DType::f64), Tensor::scalar(1, DType::f64),
                         Tensor::scalar(1, DType::f64)});
  EXPECT_EQ(target(f64(4)).item(), 5);
  EXPECT_THROW(target.set_parameters({Tensor::scalar(7, DType::f64)}), Error);
  EXPECT_THROW(target.set_parameters({Tensor::scalar(7, DType::f64), Tensor::zeros({2}, DType::f64),
                                      Tensor::scalar(7, DType::f64)}),
               Error);
  EXPECT_EQ(target(f64(4)).item(), 5);
}

TEST(Module, BadNamesAreErrors) {
  class Twice final : public Module {
   public:
    explicit Twice(std::string second) {
      parameter("a", Tensor::zeros({1}));
      parameter(std::move(second), Tensor::zeros({1}));
    }
    Var forward(Context&, Var x) const override { return x; }
  };
  EXPECT_THROW(Twice("a"), Error);
  EXPECT_THROW(Twice(""), Error);
}

TEST(Module, OneModuleInManyThreads) {
  const Pair m;
  std::vector<double> out(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < out.size(); ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i)
        out[t] = functional_call(m, make_vars(f64(0), f64(static_cast<double>(t)), f64(2)), f64(3))
                     .item();
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(out, (std::vector<double>{0, 6, 12, 18}));
}

}  // namespace
}  // namespace sonde::nn
