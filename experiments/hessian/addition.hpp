/// @file
/// Addition of two 5-digit numbers as next-token prediction. Quirke and Barez, "Understanding
/// Addition in Transformers", 2024, as Ormaniec et al. use it.
#pragma once

#include "autograd/var.hpp"
#include "tensor/philox.hpp"

namespace sonde::experiments::addition {

inline constexpr std::int64_t digits = 5;
inline constexpr std::int64_t vocabulary = 12;  ///< 0 ... 9, '+' is 10, '=' is 11
inline constexpr std::int64_t length = 3 * digits + 3;
inline constexpr std::int64_t answers = digits + 1;
/// Positions whose next token is a digit of the answer: first_answer - 1 ... length - 2.
inline constexpr std::int64_t first_answer = 2 * digits + 2;

/// i64 [n, length]: xxxxx+yyyyy=zzzzzz, the most significant digits first, with uniform digits. In
/// one of five batches (as the key says) a fifth of the digit pairs is made to add up to 9, so that
/// carries are propagated: y becomes 9 - x, or x 9 - y, with equal chance. Error(value) unless n
/// >= 1.
Tensor batch(std::int64_t n, philox::Key key);

/// i64 [n answers]: the answers' digits, sequence by sequence.
Tensor targets(const Tensor& tokens);

/// What a network gives where an answer's digit comes next: of [n, length, vocabulary] the rows of
/// targets(), [n answers, vocabulary].
Var answer_rows(const Var& logits);

}  // namespace sonde::experiments::addition
