# Installs Sonde from the build folder BUILD into an empty prefix, builds the programs in this folder against it, and
# looks at what they do. cmake -D BUILD=... -P run.cmake
set(work ${BUILD}/consumer)
file(REMOVE_RECURSE ${work})
macro(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY OUTPUT_VARIABLE output)
endmacro()
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${work}/prefix)
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${work}/build -G Ninja -D CMAKE_PREFIX_PATH=${work}/prefix
    -D CMAKE_BUILD_TYPE=Release)
run(${CMAKE_COMMAND} --build ${work}/build)
run(${CMAKE_CURRENT_LIST_DIR}/own_experiment.sh ${work}/build/own_experiment ${work}/own)
message("${output}")
run(${work}/build/consumer)

message("${output}")
if(NOT output MATCHES "^loss ([0-9.e+-]+), top Hessian eigenvalue ([0-9.]+), BLAS core ([A-Za-z]+)\n$")
  message(FATAL_ERROR "not the line that was expected")
endif()
if(CMAKE_MATCH_1 GREATER 1e-2 OR CMAKE_MATCH_2 LESS 0.1)
  message(FATAL_ERROR "the network has not learnt, or has no curvature")
endif()
# A CPU with AVX2 must get kernels for it through the installed package as well.
file(READ /proc/cpuinfo cpu)
if(cpu MATCHES " avx2 " AND CMAKE_MATCH_3 MATCHES "Prescott|Nehalem|Core2|Penryn")
  message(FATAL_ERROR "a slow BLAS core on a CPU with AVX2")
endif()
