# libzip as the target libzip::zip. The configuration that Debian installs asks for tools of three other packages; so we
# look ourselves.
find_path(LIBZIP_INCLUDE_DIR zip.h)
find_library(LIBZIP_LIBRARY zip)
mark_as_advanced(LIBZIP_INCLUDE_DIR LIBZIP_LIBRARY)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(libzip REQUIRED_VARS LIBZIP_LIBRARY LIBZIP_INCLUDE_DIR)
# A static library does not name what it needs. Its own configuration does.
if(libzip_FOUND AND NOT TARGET libzip::zip AND LIBZIP_LIBRARY MATCHES "\\.a$")
  find_package(libzip CONFIG QUIET)
  set(libzip_FOUND TRUE)
endif()
if(libzip_FOUND AND NOT TARGET libzip::zip)
  add_library(libzip::zip UNKNOWN IMPORTED)
  set_target_properties(libzip::zip PROPERTIES IMPORTED_LOCATION "${LIBZIP_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${LIBZIP_INCLUDE_DIR}")
endif()
