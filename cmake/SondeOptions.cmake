# Options of the build, and the flags that every Sonde target compiles with.
include(GNUInstallDirs)

option(SONDE_BUILD_TESTS "Build the tests" ON)
option(SONDE_BUILD_BENCH "Build the benchmarks" ON)
option(SONDE_WERROR "Treat warnings as errors" OFF)
option(SONDE_FUZZ "Build the fuzz targets (Clang only, see tests/fuzz)" OFF)
set(SONDE_SANITIZE "" CACHE STRING "Sanitizers for the whole build: 'address,undefined' or 'thread'")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

add_library(sonde_flags INTERFACE)
# No contraction: the same source gives the same bits whichever instruction set runs it.
target_compile_options(sonde_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wno-unknown-pragmas -Wno-restrict
                       -Wno-dangling-else -ffp-contract=off $<$<BOOL:${SONDE_WERROR}>:-Werror>>)
if(SONDE_SANITIZE)
  target_compile_options(sonde_flags INTERFACE -fsanitize=${SONDE_SANITIZE} -fno-sanitize-recover=all
                         -fno-omit-frame-pointer -g -Wno-maybe-uninitialized)
  target_link_options(sonde_flags INTERFACE -fsanitize=${SONDE_SANITIZE})
endif()
if(SONDE_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "SONDE_FUZZ needs Clang: use the preset 'fuzz'")
  endif()
  target_compile_options(sonde_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
