# `find_package(narrow)` gives narrow::runtime (load and run a .nrw; no third-party library) and, where it was built,
# narrow::narrow (importing and quantizing too).
#
# Components of an installation, each a package of its own (NarrowPackages.cmake): runtime and full, the two shared
# libraries; development, what compiling and linking needs; tools, the command with its manual.
include(CMakePackageConfigHelpers)
get_property(products GLOBAL PROPERTY NARROW_PRODUCTS)
foreach(product IN LISTS products)
  string(REPLACE "narrow_" "" component ${product})
  install(TARGETS ${product} EXPORT narrow-targets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${component} NAMELINK_COMPONENT development)
endforeach()
# A runtime alone has no headers of what it lacks.
set(narrow_left_out "")
if(NOT NARROW_BUILD_FULL)
  foreach(header IN ITEMS architecture_options architectures compare event float_limits float_model image layer_study onnx
      onnx_options quantize quantize_options safetensors trace)
    list(APPEND narrow_left_out PATTERN "narrow/${header}.h" EXCLUDE)
  endforeach()
endif()
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development FILES_MATCHING PATTERN "*.h" ${narrow_left_out})
install(EXPORT narrow-targets NAMESPACE narrow:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/narrow COMPONENT development)
# A shared library names the libraries that it needs itself. Who links a static one has to find them.
set(narrow_dependencies "")
if(NARROW_BUILD_FULL AND NOT BUILD_SHARED_LIBS)
  get_property(narrow_image_packages GLOBAL PROPERTY NARROW_IMAGE_PACKAGES)
  list(JOIN narrow_image_packages " " narrow_image_packages)
  set(narrow_dependencies "dnnl libzip ZLIB ${narrow_image_packages}")
endif()
configure_package_config_file(cmake/narrow-config.cmake.in narrow-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/narrow)
write_basic_package_version_file(narrow-config-version.cmake COMPATIBILITY SameMinorVersion)
set(narrow_config ${CMAKE_CURRENT_BINARY_DIR}/narrow-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/narrow-config-version.cmake)
if(narrow_dependencies)
  list(APPEND narrow_config cmake/Finddnnl.cmake cmake/Findlibzip.cmake cmake/FindNarrowWebP.cmake)
endif()
install(FILES ${narrow_config} DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/narrow COMPONENT development)
# pkg-config: the runtime alone.
if(BUILD_SHARED_LIBS)
  set(narrow_pc_cflags " -DNARROW_SHARED")
  set(narrow_pc_private "")
else()
  set(narrow_pc_cflags "")
  set(narrow_pc_private " -lstdc++ -lm -pthread")
endif()
# Where the file is says where the rest is, so that `cmake --install --prefix` and a moved installation need no change.
set(narrow_pc_prefix "${CMAKE_INSTALL_PREFIX}")
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  file(RELATIVE_PATH narrow_pc_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
  string(REGEX REPLACE "/$" "" narrow_pc_prefix "\${pcfiledir}/${narrow_pc_prefix}")
endif()
foreach(folder IN ITEMS LIBDIR INCLUDEDIR)
  set(narrow_pc_${folder} "${CMAKE_INSTALL_${folder}}")
  if(NOT IS_ABSOLUTE "${narrow_pc_${folder}}")
    string(PREPEND narrow_pc_${folder} "\${prefix}/")
  endif()
endforeach()
configure_file(cmake/narrow.pc.in narrow.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/narrow.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
  COMPONENT development)
if(TARGET narrow_cli)
  install(TARGETS narrow_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tools)
  if(NOT CMAKE_CROSSCOMPILING)
    install(CODE "set(COMMAND \"$<TARGET_FILE:narrow_cli>\")\nset(PREFIX \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}\")
set(DATA \"${CMAKE_INSTALL_DATADIR}\")\nset(MAN \"${CMAKE_INSTALL_MANDIR}\")
include(\"${PROJECT_SOURCE_DIR}/cmake/install_about.cmake\")" COMPONENT tools)
  endif()
endif()
# What a user of a binary is told about licences. Packages have it by the rules of their system.
install(FILES LICENSE THIRD_PARTY.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT notices)
if(PROJECT_IS_TOP_LEVEL)
  include(NarrowPackages)
endif()
