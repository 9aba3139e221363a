# sonde_library(NAME DEPENDS...): builds sonde_NAME from every .cpp below the calling folder and offers it as
# sonde::NAME. The folders are the layers: a library links only the layers before it.
function(sonde_library name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(sonde_${name} SHARED ${sources})
  add_library(sonde::${name} ALIAS sonde_${name})
  set_target_properties(sonde_${name} PROPERTIES EXPORT_NAME ${name} VERSION ${PROJECT_VERSION} SOVERSION 0)
  target_compile_features(sonde_${name} PUBLIC cxx_std_20)
  target_include_directories(sonde_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                             $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/sonde>)
  target_link_libraries(sonde_${name} PUBLIC ${ARGN} PRIVATE $<BUILD_INTERFACE:sonde_flags>)
endfunction()
