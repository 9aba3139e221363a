# Installs what sonde_library() offers, so that find_package(sonde) gives sonde::tensor, sonde::autograd, ... The
# headers lie under include/sonde, which the targets name: a consumer includes "autograd/ops.hpp" as Sonde itself does.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/sonde)
install(EXPORT sonde-targets NAMESPACE sonde:: DESTINATION ${package_dir})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/sondeConfig.cmake.in ${PROJECT_BINARY_DIR}/sondeConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sondeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/sondeConfig.cmake ${PROJECT_BINARY_DIR}/sondeConfigVersion.cmake
        DESTINATION ${package_dir})
