#include "experiments/hessian/addition.hpp"

#include "autograd/ops.hpp"

namespace sonde::experiments::addition {
namespace {

constexpr std::int64_t plus = 10, equals = 11;

// Numbers of one key in turn.
class Draws {
 public:
  explicit Draws(philox::Key key) : key_(key) {}
  std::int64_t below(std::uint64_t range) {
    const std::uint64_t i = next_++;
    return static_cast<std::int64_t>(philox::below(key_, i, philox::bits(key_, i), range));
  }

 private:
  philox::Key key_;
  std::uint64_t next_ = 0;
};

void write_sum(std::int64_t* row) {
  std::int64_t carry = 0;
  for (std::int64_t i = digits - 1; i >= 0; --i) {
    const std::int64_t sum = row[i] + row[digits + 1 + i] + carry;
    row[first_answer + 1 + i] = sum % 10;
    carry = sum / 10;
  }
  row[first_answer] = carry;
}

}  // namespace

Tensor batch(std::int64_t n, philox::Key key) {
  if (n < 1) fail(ErrorCode::value, "addition", "{} sequences", n);
  Draws draws(key);
  const bool carries = draws.below(5) == 0;
  Tensor out = Tensor::empty({n, length}, DType::i64);
  for (std::int64_t s = 0; s < n; ++s) {
    std::int64_t* row = out.mutable_data<std::int64_t>() + s * length;
    for (std::int64_t i = 0; i < digits; ++i) {
      std::int64_t &x = row[i], &y = row[digits + 1 + i];
      x = draws.below(10);
      y = draws.below(10);
      if (!carries || draws.below(5) != 0) continue;
      if (draws.below(2) == 0)
        x = 9 - y;
      else
        y = 9 - x;
    }
    row[digits] = plus;
    row[first_answer - 1] = equals;
    write_sum(row);
  }
  return out;
}

Tensor targets(const Tensor& tokens) {
  return tokens.slice(1, first_answer, length).contiguous().reshape({tokens.size(0) * answers});
}

Var answer_rows(const Var& logits) {
  return reshape(slice(logits, 1, first_answer - 1, length - 1),
                 {logits.size(0) * answers, vocabulary});
}

}  // namespace sonde::experiments::addition
