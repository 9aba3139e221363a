/// @file
/// How alike two representations of the same inputs are: linear centred kernel alignment.
#pragma once

#include "tensor/tensor.hpp"

namespace sonde {

enum class CkaForm {
  /// |Y' X|_F^2 / (|X' X|_F |Y' Y|_F) for centred X, Y (Kornblith, Norouzi, Lee, Hinton, 2019,
  /// arXiv:1905.00414). Between 0 and 1, and biased upwards where there are not many more inputs
  /// than features.
  biased,
  /// The same from the unbiased estimator HSIC_1 (Song, Smola, Gretton, Bedo, Borgwardt, 2012;
  /// Nguyen, Raghu, Kornblith, 2021, arXiv:2010.15327): about 0 for unrelated ones, and so below 0
  /// at times. Needs 4 inputs.
  debiased,
};

/// Linear CKA of x [n, p] and y [n, q], row by row the same inputs. Unchanged by rotations of the
/// features, by a factor and by a shift of either. Computed in f64, by whichever is smaller of
/// [n, n] and [p, q]. Error(shape) if they do not fit or there are too few inputs; Error(numeric)
/// if one is constant (debiased: if its HSIC_1 with itself is not positive).
double linear_cka(const Tensor& x, const Tensor& y, CkaForm form = CkaForm::debiased);

}  // namespace sonde
