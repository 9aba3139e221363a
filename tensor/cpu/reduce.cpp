#include "tensor/cpu/reduce.hpp"

#include "tensor/cpu/register.hpp"
#include "tensor/reduce_steps.hpp"

namespace sonde::cpu {
namespace {

void run(ReduceMiddle loop, const Tensor& in, Tensor& out, const ReduceStep& s) {
  loop(in.bytes(), out.bytes(), s.outer, s.reduced, s.inner);
}

}  // namespace

void reduce(const ReduceLoops& loops, const Tensor& in, const Dims& axes, Tensor& out) {
  reduce_in_steps(in, axes, out, StepStrides::dense,
                  [&loops](const Tensor& from, Tensor& to, const ReduceStep& step, bool first) {
                    run(first ? loops.first : loops.again, from, to, step);
                  });
}

void reduce_at_once(ReduceMiddle loop, const Tensor& in, const Dims& axes, Tensor& out) {
  reduce_in_one_step(in, axes, out, StepStrides::dense,
                     [loop](const Tensor& from, Tensor& to, const ReduceStep& step, bool) {
                       run(loop, from, to, step);
                     });
}

void register_reduce() {
  install_reductions();
  install_scans();
}

}  // namespace sonde::cpu
