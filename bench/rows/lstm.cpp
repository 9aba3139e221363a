// The LSTM over time.
#include "autograd/ops.hpp"
#include "bench/rows/workload.hpp"

namespace sonde::bench {

void add_lstm(Makers& makers) {
  // x [T, B, I], w_ih, w_hh, b_ih, b_hh; the state begins with zeros.
  makers["lstm"] = differentiable([](const Json&) -> Function {
    return [](const Vars& in) {
      LstmSequence r = lstm(in[0], {}, {in[1], in[2], in[3], in[4]});
      return make_vars(r.y, r.state.h, r.state.c);
    };
  });
}

}  // namespace sonde::bench
