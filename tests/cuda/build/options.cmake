# SONDE_CUDA does what it says. -D WORK=FOLDER -D NVCC=PATH (empty: this build has no CUDA)
function(configure outcome expected)
  file(REMOVE_RECURSE ${WORK})
  execute_process(COMMAND ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${WORK} ${ARGN}
                  OUTPUT_VARIABLE text ERROR_VARIABLE text RESULT_VARIABLE status)
  if((outcome STREQUAL fails AND status EQUAL 0) OR (outcome STREQUAL works AND NOT status EQUAL 0))
    message(FATAL_ERROR "${ARGN}: status ${status}\n${text}")
  endif()
  string(REGEX REPLACE "[ \n]+" " " text "${text}")  # CMake breaks lines
  if(NOT text MATCHES "${expected}")
    message(FATAL_ERROR "${ARGN}: '${expected}' is not in\n${text}")
  endif()
endfunction()

configure(works "found: OFF" -D SONDE_CUDA=OFF)
configure(fails "SONDE_CUDA=ON, but /nowhere/nvcc --version fails" -D SONDE_CUDA=ON -D CMAKE_CUDA_COMPILER=/nowhere/nvcc)
configure(works "No CUDA backend: /nowhere/nvcc --version fails.*found: OFF"
          -D SONDE_CUDA=AUTO -D CMAKE_CUDA_COMPILER=/nowhere/nvcc)
configure(works "No CUDA backend: nvcc does not build with sanitizers" -D SONDE_SANITIZE=thread)
configure(fails "AUTO, ON or OFF" -D SONDE_CUDA=MAYBE)
if(NVCC)
  configure(works "found: ON" -D SONDE_CUDA=ON -D CMAKE_CUDA_COMPILER=${NVCC})
endif()
