#include <algorithm>

#include "autograd/bases.hpp"
#include "autograd/transforms.hpp"

namespace sonde {
namespace {

// A whole function as one primitive: its rules run it again under the transform in question.
class Checkpoint final : public Named<Checkpoint> {
 public:
  static constexpr std::string_view id = "checkpoint";
  Checkpoint(Function f, Site where) : f_(std::move(f)), where_(where) {}

  // What f returns is known only by running it; forward does not ask.
  void infer(std::span<const Var>, Specs&) const override {}
  Vars forward(std::span<Tensor> in, const Specs&) const override {
    Vars x;
    for (const Tensor& t : in) x.push_back(Var(t));
    return f_(x);
  }
  Vars jvp(const Vars& in, const Vars&, const Vars& tangents) const override {
    ClosureBarrier barrier(id, std::max(max_level(in), max_level(tangents)));
    return sonde::jvp(f_, in, tangents, where_).tangents;
  }
  Vars vjp(const Vars& in, const Vars&, const Vars& cotangents, Needs) const override {
    ClosureBarrier barrier(id, std::max(max_level(in), max_level(cotangents)));
    return sonde::vjp(f_, in, where_).pullback.consume(cotangents);
  }
  Batched batch(const Vars& in, std::span<const int> axes, std::int64_t) const override {
    ClosureBarrier barrier(id, max_level(in));
    VmapOptions options;
    for (int axis : axes)
      options.in_axes.push_back(axis < 0 ? std::nullopt : std::optional<int>(axis));
    Vars out = vmap(f_, options, where_)(in);
    LaneAxes out_axes;
    for (std::size_t i = 0; i < out.size(); ++i) out_axes.push_back(0);
    return {std::move(out), std::move(out_axes)};
  }
  Saves saves() const override { return Saves::only_inputs(); }

 private:
  Function f_;
  Site where_;
};

}  // namespace

Function checkpoint(Function f, Site where) {
  const PrimitivePtr p = make_ref<Checkpoint>(std::move(f), where);
  return [p, where](const Vars& x) -> Vars { return emit(p, x, where); };
}

}  // namespace sonde
