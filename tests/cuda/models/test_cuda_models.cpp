// Every model of nn/models/ on the device against itself on the CPU: outputs, gradients in
// training, Hessian-vector products, per-sample gradients, files.
#include "nn/state_dict.hpp"
#include "tensor/io_safetensors.hpp"
#include "tests/cuda/models/on_both.hpp"
#include "tests/nn/model_cases.hpp"
#include "tests/temp_folder.hpp"

namespace sonde::testing {
namespace {

class CudaModels : public ::testing::TestWithParam<int> {
 protected:
  CudaModels()
      : case_(nn::model_cases()[static_cast<std::size_t>(GetParam())]),
        on_([this] {
          auto module = case_.make();
          module->convert(DType::f64);
          fill(*module);
          return module;
        }),
        x_(is_float(case_.x.dtype()) ? to(case_.x, DType::f64) : case_.x),
        x_there_(x_.tensor().to(gpu)) {}

  // A scalar with a second derivative, in training: dropout and batch statistics take part.
  static Function loss(const nn::Module& module, const Var& x) {
    return [&module, x](const Vars& parameters) {
      nn::Context ctx(module, parameters, {.mode = nn::Mode::train, .key = random_key(1)});
      return sum(square(add(module(ctx, x), 0.5)));
    };
  }

  const nn::ModelCase case_;
  OnBoth on_;
  const Var x_, x_there_;
};

TEST_P(CudaModels, GivesTheSameOutputs) {
  const Var y = (*on_.here)(x_);
  Var there;
  {
    const NoWaiting none;
    there = (*on_.there)(x_there_);
  }
  expect_close(y.tensor(), there.tensor(), 1e-12);
}

TEST_P(CudaModels, HasTheSameGradientsInTraining) {
  const Vars here = grad(loss(*on_.here, x_))(on_.here->parameters());
  Vars there;
  {
    const NoWaiting none;
    there = grad(loss(*on_.there, x_there_))(on_.there->parameters());
  }
  expect_close(here, there, 1e-10);
}

TEST_P(CudaModels, HasTheSameHessianProducts) {
  Vars v, v_there;
  for (const Var& p : on_.here->parameters()) {
    v.push_back(uniform_values("v", p.shape()));
    v_there.push_back(v.back().tensor().to(gpu));
  }
  const Vars x = on_.here->parameters(), x_there = on_.there->parameters();
  for (const HvpMode mode : {HvpMode::forward_over_reverse, HvpMode::reverse_over_reverse}) {
    const Vars here = hvp(loss(*on_.here, x_), x, v, mode);
    Vars there;
    {
      const NoWaiting none;
      there = hvp(loss(*on_.there, x_there_), x_there, v_there, mode);
    }
    expect_close(here, there, 1e-9);
  }
}

TEST_P(CudaModels, HasTheSameGradientsPerSample) {
  const auto gradients = [](const nn::Module& module, const Var& x) {
    Vars all = module.parameters();
    Arguments wanted;
    VmapOptions lanes;
    for (std::size_t i = 0; i < all.size(); ++i) {
      wanted.push_back(static_cast<int>(i));
      lanes.in_axes.push_back(std::nullopt);
    }
    lanes.in_axes.push_back(0);
    all.push_back(x);
    const Function of_sample = [&](const Vars& v) {
      const std::span<const Var> in(v);
      nn::Context ctx(module, Vars(in.first(v.size() - 1)));
      return sum(square(add(module(ctx, unsqueeze(v.back(), 0)), 0.5)));
    };
    return vmap(grad(of_sample, wanted), lanes)(all);
  };
  const Vars here = gradients(*on_.here, x_);
  Vars there;
  {
    const NoWaiting none;
    there = gradients(*on_.there, x_there_);
  }
  expect_close(here, there, 1e-10);
}

TEST_P(CudaModels, LivesInTheSameFiles) {
  const TempFolder folder;
  const std::string of_cpu = folder / "cpu.safetensors", of_gpu = folder / "gpu.safetensors";
  save_safetensors(of_cpu, nn::state_dict(*on_.here));
  save_safetensors(of_gpu, nn::state_dict(*on_.there));
  const NamedTensors here = load_safetensors(of_cpu).tensors,
                     there = load_safetensors(of_gpu).tensors;
  ASSERT_EQ(here.size(), there.size());
  for (const auto& [name, tensor] : here)
    EXPECT_EQ(tensor.to_vector<double>(), there.at(name).to_vector<double>()) << name;

  auto fresh = case_.make();
  fresh->convert(DType::f64);
  fresh->to(gpu);
  EXPECT_TRUE(nn::load_state_dict(*fresh, here).empty());
  for (const nn::NamedEntry& e : fresh->named_entries())
    EXPECT_EQ(e.handle->value.device(), gpu) << e.path;
  expect_equal((*on_.there)(x_there_).tensor().to(Device{}), (*fresh)(x_there_).tensor());
}

INSTANTIATE_TEST_SUITE_P(All, CudaModels,
                         ::testing::Range(0, static_cast<int>(nn::model_cases().size())),
                         [](const auto& info) {
                           return nn::model_cases()[static_cast<std::size_t>(info.param)].name;
                         });

std::unique_ptr<nn::Module> small() {
  return std::make_unique<nn::Mlp>(
      std::vector<std::int64_t>{3, 4, 2}, philox::Key{1, 0},
      nn::MlpOptions{.activation = [](const Var& x) { return tanh(x); }});
}

TEST(CudaModels, RefusesInputsOfAnotherDevice) {
  const OnBoth on(small);
  try {
    (*on.there)(Tensor::ones({1, 3}));
    FAIL() << "an input on the CPU met parameters on the device";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::device) << e.what();
    EXPECT_NE(e.module_path().find("layers.0"), std::string::npos) << e.what();
  }
}

TEST(CudaModels, CheckpointsWithAndWithoutAKey) {
  for (const bool with_key : {false, true}) {
    const OnBoth on(small);
    const auto gradients = [&](const nn::Module& m, const Var& x) {
      nn::CallOptions options;
      if (with_key) options.key = random_key(3);
      return nn::value_and_grad(
                 m,
                 [&](nn::Context& ctx) {
                   return make_vars(sum(square(nn::checkpointed(ctx, m, x))));
                 },
                 options)
          .grads;
    };
    const Tensor x = drawn({5, 3});
    expect_close(gradients(*on.here, x), gradients(*on.there, x.to(gpu)), 1e-5);
  }
}

// A number on the host beside tensors of the device, with derivatives by it.
TEST(CudaModels, NumbersOfTheHostHaveDerivatives) {
  const Tensor x = drawn({4}, DType::f64);
  const auto f = [](const Var& at) {
    return [at](const Vars& s) { return sum(exp(mul(add(at, s[0]), sub(s[0], at)))); };
  };
  const Vars s = make_vars(Var(Tensor::scalar(0.3, DType::f64)));
  const Vars v = make_vars(Var(Tensor::scalar(1, DType::f64)));
  const double slope = grad(f(x))(s)[0].item(), curvature = hvp(f(x), s, v)[0].item();
  const Vars there = grad(f(x.to(gpu)))(s);
  EXPECT_EQ(there[0].device(), Device{});
  EXPECT_NEAR(there[0].item(), slope, 1e-12 * std::abs(slope));
  EXPECT_NEAR(hvp(f(x.to(gpu)), s, v)[0].item(), curvature, 1e-12 * std::abs(curvature));
  EXPECT_NEAR(jvp(f(x.to(gpu)), s, v).tangents[0].item(), slope, 1e-12 * std::abs(slope));
}

}  // namespace
}  // namespace sonde::testing
