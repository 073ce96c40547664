# `find_package(narrow)` gives narrow::runtime (load and run a .nrw; no third-party library) and, where it was built,
# narrow::narrow (importing and quantizing too).
include(CMakePackageConfigHelpers)
get_property(libraries GLOBAL PROPERTY NARROW_LIBRARIES)
install(TARGETS ${libraries} EXPORT narrow-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/narrow DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(EXPORT narrow-targets NAMESPACE narrow:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/narrow)
get_property(narrow_image_packages GLOBAL PROPERTY NARROW_IMAGE_PACKAGES)
list(JOIN narrow_image_packages " " narrow_image_packages)
configure_package_config_file(cmake/narrow-config.cmake.in narrow-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/narrow)
write_basic_package_version_file(narrow-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/narrow-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/narrow-config-version.cmake
  cmake/Finddnnl.cmake cmake/Findlibzip.cmake cmake/FindNarrowWebP.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/narrow)
if(TARGET narrow_cli)
  install(TARGETS narrow_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
