/// @file
/// Random numbers: pure functions of a key (i64[2], from tensor/random.hpp's random_key(seed)) and
/// the position in the result, the same for any number of threads. Floats are computed in f64 and
/// rounded, so f32 and f64 draws of a key agree.
///
/// A key is used once; `split_key` and `fold_in` make new ones. Under vmap, a key without lanes
/// gives every lane the same numbers, a key with lanes gives each lane what it would draw alone.
/// There are no derivatives. Keys [..., 2] draw
/// [..., *shape]. Errors: dtype and shape of the key, value of a parameter.
#pragma once

#include "autograd/primitive.hpp"
#include "tensor/random.hpp"

namespace sonde {

/// Uniform in [low, high).
Var uniform(Operand key, const Dims& shape, double low = 0, double high = 1,
            DType dtype = DType::f32);
Var normal(Operand key, const Dims& shape, double mean = 0, double std = 1,
           DType dtype = DType::f32);
/// Normal, kept within [low, high].
Var truncated_normal(Operand key, const Dims& shape, double mean = 0, double std = 1,
                     double low = -2, double high = 2, DType dtype = DType::f32);
/// 1 (true) with this probability; bool, f32 or f64.
Var bernoulli(Operand key, const Dims& shape, double probability, DType dtype = DType::boolean);
/// Integers in [low, high), every value equally likely; i64 or i32.
Var randint(Operand key, const Dims& shape, std::int64_t low, std::int64_t high,
            DType dtype = DType::i64);
/// 0 .. n-1 in random order.
Var permutation(Operand key, std::int64_t n);

/// [n, 2]: n new keys.
Var split_key(Operand key, std::int64_t n);
/// The new key for `data` (a step, a sample's number): an integer, or i64 of the keys' lanes.
Var fold_in(Operand key, std::int64_t data);
Var fold_in(Operand key, const Var& data);

}  // namespace sonde
