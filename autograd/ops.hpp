/// @file
/// All public operations on Vars, one header per family.
#pragma once

#include "autograd/ops/activation.hpp"
#include "autograd/ops/arithmetic.hpp"
#include "autograd/ops/attention.hpp"
#include "autograd/ops/compare.hpp"
#include "autograd/ops/conv.hpp"
#include "autograd/ops/index.hpp"
#include "autograd/ops/linalg.hpp"
#include "autograd/ops/lstm.hpp"
#include "autograd/ops/math.hpp"
#include "autograd/ops/matmul.hpp"
#include "autograd/ops/norm.hpp"
#include "autograd/ops/pool.hpp"
#include "autograd/ops/random.hpp"
#include "autograd/ops/reduce.hpp"
#include "autograd/ops/softmax.hpp"
#include "autograd/ops/views.hpp"
