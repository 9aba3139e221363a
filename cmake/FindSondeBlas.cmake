# Finds the CBLAS and LAPACK that sonde_tensor uses, as the target Sonde::blas.
#   1. OpenBLAS's pthread build as a static archive, to be held inside libsonde_tensor.so: only then can Sonde choose
#      the core before OpenBLAS starts (docs/design.md, "BLAS").
#   2. Else a shared OpenBLAS; sonde::cpu::blas_warning() says when it runs on the wrong core.
# SONDE_BLAS_LIBRARY and SONDE_BLAS_INCLUDE_DIR name another one with the openblas_* functions. Never take the serial
# build: its products are wrong when two threads call it at once.
find_library(SONDE_BLAS_LIBRARY NAMES libopenblas.a openblas PATH_SUFFIXES openblas-pthread
             DOC "OpenBLAS, pthread build")
find_path(SONDE_BLAS_INCLUDE_DIR NAMES cblas.h PATH_SUFFIXES openblas-pthread openblas
          DOC "Folder of OpenBLAS's cblas.h")

# The archive holds Fortran objects, so the program that links it needs the Fortran run-time library.
set(SONDE_BLAS_STATIC OFF)
set(blas_required SONDE_BLAS_LIBRARY SONDE_BLAS_INCLUDE_DIR)
if(SONDE_BLAS_LIBRARY MATCHES "\\.a$")
  set(SONDE_BLAS_STATIC ON)
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libgfortran.so
                  OUTPUT_VARIABLE gfortran_path OUTPUT_STRIP_TRAILING_WHITESPACE)
  get_filename_component(gfortran_dir "${gfortran_path}" DIRECTORY)
  find_library(SONDE_GFORTRAN_LIBRARY NAMES gfortran HINTS ${gfortran_dir})
  list(APPEND blas_required SONDE_GFORTRAN_LIBRARY)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(SondeBlas REQUIRED_VARS ${blas_required} REASON_FAILURE_MESSAGE
                                  "install libopenblas-pthread-dev and libgfortran-12-dev")

if(SondeBlas_FOUND AND NOT TARGET Sonde::blas)
  find_package(Threads REQUIRED)
  add_library(Sonde::blas INTERFACE IMPORTED)
  target_include_directories(Sonde::blas INTERFACE ${SONDE_BLAS_INCLUDE_DIR})
  target_link_libraries(Sonde::blas INTERFACE ${SONDE_BLAS_LIBRARY} Threads::Threads m)
  if(SONDE_BLAS_STATIC)
    target_compile_definitions(Sonde::blas INTERFACE SONDE_BLAS_STATIC)
    target_link_libraries(Sonde::blas INTERFACE ${SONDE_GFORTRAN_LIBRARY})
    # The library's symbols stay hidden: another OpenBLAS in the same process does not meet this one.
    target_link_options(Sonde::blas INTERFACE -Wl,--exclude-libs,ALL)
  endif()
endif()
mark_as_advanced(SONDE_BLAS_LIBRARY SONDE_BLAS_INCLUDE_DIR SONDE_GFORTRAN_LIBRARY)
