# sonde_library(NAME [FOLDERS folder...] DEPENDS...): builds sonde_NAME from every .cpp below the calling folder (or
# below its given sub-folders only) and offers it as sonde::NAME. The folders are the layers: a library links only the
# layers before it.
function(sonde_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "FOLDERS")
  if(NOT arg_FOLDERS)
    set(arg_FOLDERS .)
  endif()
  list(TRANSFORM arg_FOLDERS REPLACE "(.+)" "${CMAKE_CURRENT_SOURCE_DIR}/\\1/*.cpp" OUTPUT_VARIABLE patterns)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${patterns})
  list(FILTER sources EXCLUDE REGEX "/cuda/[^/]*$")  # a library of its own
  add_library(sonde_${name} SHARED ${sources})
  add_library(sonde::${name} ALIAS sonde_${name})
  set_target_properties(sonde_${name} PROPERTIES EXPORT_NAME ${name} VERSION ${PROJECT_VERSION} SOVERSION 0
                        INSTALL_RPATH "$ORIGIN")
  target_compile_features(sonde_${name} PUBLIC cxx_std_20)
  target_include_directories(sonde_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                             $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/sonde>)
  target_link_libraries(sonde_${name} PUBLIC ${arg_UNPARSED_ARGUMENTS} PRIVATE $<BUILD_INTERFACE:sonde_flags>)
  install(TARGETS sonde_${name} EXPORT sonde-targets)
  # Not the kernels' own headers: what is public has no SIMD, TBB or BLAS in it.
  install(DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/sonde
          FILES_MATCHING PATTERN *.hpp PATTERN cpu EXCLUDE PATTERN cuda EXCLUDE)
endfunction()

# sonde_programs(LIBRARIES...): builds every .cpp of the calling folder itself (not below it) into a program of the
# same name, bin/NAME.
function(sonde_programs)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  foreach(source ${sources})
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE ${ARGN} sonde_flags)
    set_target_properties(${name} PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
    install(TARGETS ${name})
  endforeach()
endfunction()
