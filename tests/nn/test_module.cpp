// Modules, handles and contexts, on modules made of plain arithmetic.
#include <gtest/gtest.h>

#include <thread>

#include "autograd/observe.hpp"
#include "autograd/ops.hpp"
#include "nn/module.hpp"
#include "tensor/backend.hpp"

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

TEST(Module, TapSeesAndReplacesByPath) {
  const Pair m;
  std::vector<std::string> seen;
  const Tap tap = [&](const std::string& path, Var v) {
    seen.push_back(path);
    return path == "second.out" ? f64(100) : v;
  };
  Context ctx(m, m.parameters(), {.tap = &tap});
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

// Multiplies by one random number; counts its calls in training in a buffer.
class Noise final : public Module {
 public:
  Noise() : count_(buffer("count", Tensor::scalar(0, DType::f64))) {}
  Var forward(Context& ctx, Var x) const override {
    if (!ctx.training()) return x;
    ctx.update(count_, add(ctx[count_], add(mul(x, 0.0), 1.0)));
    return mul(std::move(x), normal(ctx.key(), {}, 0, 1, DType::f64));
  }

 private:
  Handle count_;
};

class Noisy final : public Module {
 public:
  Noisy() : weight_(parameter("weight", Tensor::scalar(3, DType::f64))) {
    child("first", first_);
    child("second", second_);
  }
  Var forward(Context& ctx, Var x) const override {
    return second_(ctx, first_(ctx, mul(std::move(x), ctx[weight_])));
  }

  Noise first_, second_;

 private:
  Handle weight_;
};

TEST(Module, KeysDifferByModuleAndAreRepeatable) {
  const Noisy m;
  auto draw = [&](std::uint64_t seed) {
    return functional_call(m, m.parameters(), f64(1),
                           {.mode = Mode::train, .key = random_key(seed)})
        .item();
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
  Context first(m, m.parameters(), {.mode = Mode::train, .key = random_key(1)});
  EXPECT_NE(m.first_(first, f64(1)).item(), m.second_(first, f64(1)).item());
  EXPECT_EQ(m(f64(1)).item(), 3);  // eval
  EXPECT_THROW(functional_call(m, m.parameters(), f64(1), {.mode = Mode::train}), Error);
}

TEST(Module, LanesOfAKeyDrawWhatTheyWouldAlone) {
  const Noisy m;
  const Var keys = split_key(random_key(5), 3);
  auto run = [&](const Var& key) {
    return grad([&](const Vars& p) {
      return functional_call(m, p, f64(1), {.mode = Mode::eval, .key = key});
    })(m.parameters())[0];
  };
  EXPECT_EQ(vmap([&](const Var& key) { return run(key); })(keys).shape(), Dims{3});
  class Only final : public Module {
   public:
    Var forward(Context& ctx, Var x) const override { return mul(x, normal(ctx.key(), {})); }
  } only;
  auto draw = [&](const Var& key) {
    return functional_call(only, {}, Tensor::scalar(1), {.key = key});
  };
  const Tensor lanes = vmap([&](const Var& key) { return draw(key); })(keys).tensor();
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(lanes.to_vector<float>()[static_cast<std::size_t>(i)],
              static_cast<float>(draw(select(keys, 0, i)).item()));
}

TEST(Module, BuffersChangeByCommitOnly) {
  Noisy m;
  ASSERT_EQ(m.named_buffers().size(), 2u);
  EXPECT_EQ(m.named_buffers()[1].path, "second.count");
  auto step = [&] {
    return value_and_grad(m, [&](Context& ctx) { return make_vars(m(ctx, f64(1))); },
                          {.mode = Mode::train, .key = random_key(0)});
  };
  const LossAndGrads r = step();
  ASSERT_EQ(r.grads.size(), 1u);
  EXPECT_DOUBLE_EQ(r.value.item(), 3 * r.grads[0].item());
  ASSERT_EQ(r.updates.size(), 2u);
  EXPECT_EQ(m.named_buffers()[0].handle->value.item(), 0);
  m.commit(r.updates);
  EXPECT_EQ(m.named_buffers()[0].handle->value.item(), 1);
  m.commit(step().updates);
  EXPECT_EQ(m.named_buffers()[1].handle->value.item(), 2);
  const auto per_sample = vmap([&](const Var& x) {
    return functional_call(m, m.parameters(), x, {.mode = Mode::train, .key = random_key(0)});
  });
  EXPECT_THROW(per_sample(Var(Tensor::ones({2}, DType::f64))), Error);
}

TEST(Module, CheckpointedGivesTheSameNumbersAndUpdates) {
  Noisy m;
  auto run = [&](bool again) {
    return value_and_grad(m,
                          [&](Context& ctx) {
                            const Var y = again ? checkpointed(ctx, m, f64(2)) : m(ctx, f64(2));
                            return make_vars(mul(y, y));
                          },
                          {.mode = Mode::train, .key = random_key(7)});
  };
  const LossAndGrads plain = run(false), again = run(true);
  EXPECT_EQ(plain.value.item(), again.value.item());
  EXPECT_EQ(plain.grads[0].item(), again.grads[0].item());
  ASSERT_EQ(again.updates.size(), 2u);
  EXPECT_EQ(again.updates[0].value.item(), 1);
}

TEST(Module, FrozenParametersGetNoGradientAndCostNothing) {
  Pair m;  // y = first second x + offset
  auto loss = [&](Context& ctx) { return make_vars(m(ctx, f64(2))); };
  EXPECT_EQ(m.freeze("*.factor"), 2);
  LossAndGrads r = value_and_grad(m, loss);
  EXPECT_EQ(r.grads[0].item(), 1);
  EXPECT_FALSE(r.grads[1]);
  EXPECT_FALSE(r.grads[2]);
  EXPECT_EQ(m.unfreeze("first.*"), 1);
  r = value_and_grad(m, loss);
  EXPECT_EQ(r.grads[1].item(), 6);
  EXPECT_FALSE(r.grads[2]);
  class CountMul final : public sonde::Observer {
   public:
    void on_rule(const Primitive& p, Rule rule) override {
      muls += p.name() == "mul" && rule == Rule::vjp;
    }
    int muls = 0;
  } counter;
  {
    const ObserverScope scope(counter);
    value_and_grad(m, loss);
  }
  EXPECT_EQ(counter.muls, 1);  // second(x) is not recorded
  EXPECT_THROW(m.freeze("*.weight"), Error);
  m.freeze("*");
  EXPECT_THROW(value_and_grad(m, loss), Error);
}

TEST(Module, ConvertsToAnotherType) {
  Noisy m;
  m.convert(DType::f32);
  for (const auto& e : m.named_entries()) EXPECT_EQ(e.handle->value.dtype(), DType::f32);
  EXPECT_EQ(m(Tensor::scalar(1)).item(), 3);
  EXPECT_THROW(m.convert(DType::i64), Error);
}

TEST(Module, StaysWhereItIsUnlessMoved) {
  Pair m;
  const Vars before = m.parameters();
  m.to(Device{});
  for (std::size_t i = 0; i < before.size(); ++i)
    EXPECT_EQ(m.parameters()[i].get(), before[i].get());
  if (device_count(DeviceType::cuda) > 0) GTEST_SKIP() << "there is a device to move to";
  try {
    m.to({DeviceType::cuda, 0});
    FAIL() << "moved to a device that is not there";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::backend) << e.what();
  }
  for (const Var& v : m.parameters()) EXPECT_EQ(v.device(), Device{});
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
  Pair attached;
  class Thief final : public Module {
   public:
    explicit Thief(Module& other) { child("mine", other); }
    Var forward(Context&, Var x) const override { return x; }
  };
  EXPECT_THROW(Thief thief(attached.first_), Error);
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
