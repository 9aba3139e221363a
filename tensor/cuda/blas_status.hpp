/// @file
/// Errors of cuBLAS and cuBLASLt.
#pragma once

#include <cublasLt.h>

#include "tensor/error.hpp"

namespace sonde::cuda {

/// Error(backend) with cuBLAS's own words unless `status` is success.
inline void check(cublasStatus_t status, std::string_view op) {
  if (status == CUBLAS_STATUS_SUCCESS) [[likely]]
    return;
  fail(ErrorCode::backend, op, "{}: {}", cublasLtGetStatusName(status),
       cublasLtGetStatusString(status));
}

}  // namespace sonde::cuda
