# Debian packages of the components of NarrowInstall.cmake, made by `cpack`. `./dev packages` configures for them: shared
# libraries, and /usr as the prefix.
set(NARROW_PACKAGE_MAINTAINER "The Narrow contributors <narrow@localhost>" CACHE STRING
  "Who answers for the packages that cpack makes: NAME <ADDRESS>")
set(NARROW_PACKAGE_RELEASE 1 CACHE STRING "The number of a package of the same version: 0.1.0-1")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME narrow)
set(CPACK_PACKAGE_VENDOR "Narrow")
set(CPACK_PACKAGE_CONTACT "${NARROW_PACKAGE_MAINTAINER}")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX "${CMAKE_INSTALL_PREFIX}")
set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE")
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${NARROW_PACKAGE_RELEASE})
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY "=")  # before 1.0.0 an interface holds for one version
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_COMPONENTS_ALL "")
set(soversion ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(exact "(= ${PROJECT_VERSION}-${NARROW_PACKAGE_RELEASE})")
set(what "Narrow quantizes image-classification networks and runs them in integer\narithmetic on CPUs.")

# narrow_package(COMPONENT NAME SECTION SUMMARY TEXT): the package of a component.
macro(narrow_package component name section summary text)
  list(APPEND CPACK_COMPONENTS_ALL ${component})
  string(TOUPPER ${component} upper)
  set(CPACK_COMPONENT_${upper}_DESCRIPTION "${summary}\n${what} ${text}")
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name})
  set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${section})
  set(CPACK_DEBIAN_${upper}_DESCRIPTION "${CPACK_COMPONENT_${upper}_DESCRIPTION}")
endmacro()

file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/debian/triggers "activate-noawait ldconfig\n")
foreach(library IN ITEMS RUNTIME FULL)
  set(CPACK_DEBIAN_${library}_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_BINARY_DIR}/debian/triggers)
endforeach()
set(development_depends "")
if(BUILD_SHARED_LIBS)
  narrow_package(runtime libnarrow${soversion} libs "integer inference for image classification"
    "This library loads and runs .nrw models.\nIt needs the C++ library alone.")
  set(development_depends "libnarrow${soversion} ${exact}")
  if(NARROW_BUILD_FULL)
    narrow_package(full libnarrow-full${soversion} libs "quantization of image-classification networks"
      "This library also reads ONNX files and\nPyTorch checkpoints, calibrates and quantizes.")
    string(APPEND development_depends ", libnarrow-full${soversion} ${exact}")
  endif()
endif()
narrow_package(development libnarrow-dev libdevel "integer inference for image classification, for development"
  "This package has the headers for C and C++,\nand what CMake and pkg-config need.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "${development_depends}")
if(TARGET narrow_cli)
  narrow_package(tools narrow science "quantizes and runs image-classification networks"
    "This package has the command narrow,\nits manual, and completion for bash, zsh and fish.")
endif()

# What Debian's policy asks of every package, and no other installation needs.
set(CPACK_PRE_BUILD_SCRIPTS "${PROJECT_SOURCE_DIR}/cmake/debian_documents.cmake")
include(CPack)
