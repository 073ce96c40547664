# oneDNN 2 (from 2.6) or 3 as the target DNNL::dnnl, and dnnl_VERSION. The configuration that Debian installs asks for the OpenCL
# development files, which its package does not bring and which using the CPU does not need; so we look ourselves. To take another
# oneDNN than the system's, name DNNL_INCLUDE_DIR and DNNL_LIBRARY, or the folder of its installation in CMAKE_PREFIX_PATH.
find_path(DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.hpp)
find_library(DNNL_LIBRARY dnnl)
mark_as_advanced(DNNL_INCLUDE_DIR DNNL_LIBRARY)
set(dnnl_VERSION "")
set(dnnl_is_supported FALSE)
set(dnnl_reason "Narrow needs oneDNN 2 (from 2.6) or oneDNN 3.")
if(DNNL_INCLUDE_DIR)
  file(STRINGS "${DNNL_INCLUDE_DIR}/oneapi/dnnl/dnnl_version.h" dnnl_lines REGEX "^#define DNNL_VERSION_(MAJOR|MINOR|PATCH) ")
  list(TRANSFORM dnnl_lines REPLACE "^.* ([0-9]+).*$" "\\1")
  list(JOIN dnnl_lines "." dnnl_VERSION)
  if(dnnl_VERSION VERSION_GREATER_EQUAL 2.6 AND dnnl_VERSION VERSION_LESS 4)
    set(dnnl_is_supported TRUE)
  else()
    set(dnnl_reason "Narrow needs oneDNN 2 (from 2.6) or oneDNN 3, and ${DNNL_INCLUDE_DIR} has ${dnnl_VERSION}.")
  endif()
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(dnnl REQUIRED_VARS DNNL_LIBRARY DNNL_INCLUDE_DIR dnnl_is_supported
  VERSION_VAR dnnl_VERSION REASON_FAILURE_MESSAGE "${dnnl_reason}")
# A static library does not name what it needs (OpenMP). Its own configuration does.
if(dnnl_FOUND AND NOT TARGET DNNL::dnnl AND DNNL_LIBRARY MATCHES "\\.a$")
  find_package(dnnl CONFIG QUIET)
  set(dnnl_FOUND TRUE)
endif()
if(dnnl_FOUND AND NOT TARGET DNNL::dnnl)
  add_library(DNNL::dnnl UNKNOWN IMPORTED)
  set_target_properties(DNNL::dnnl PROPERTIES IMPORTED_LOCATION "${DNNL_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${DNNL_INCLUDE_DIR}")
endif()
