# libwebp with its demultiplexer as the target NarrowWebP::webp. CMake has no module for it, and Debian installs no
# configuration.
find_path(NarrowWebP_INCLUDE_DIR webp/demux.h)
find_library(NarrowWebP_LIBRARY webp)
find_library(NarrowWebP_DEMUX_LIBRARY webpdemux)
mark_as_advanced(NarrowWebP_INCLUDE_DIR NarrowWebP_LIBRARY NarrowWebP_DEMUX_LIBRARY)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(NarrowWebP REQUIRED_VARS NarrowWebP_LIBRARY NarrowWebP_DEMUX_LIBRARY
  NarrowWebP_INCLUDE_DIR)
if(NarrowWebP_FOUND AND NOT TARGET NarrowWebP::webp)
  add_library(NarrowWebP::webp UNKNOWN IMPORTED)
  set_target_properties(NarrowWebP::webp PROPERTIES IMPORTED_LOCATION "${NarrowWebP_DEMUX_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${NarrowWebP_INCLUDE_DIR}" INTERFACE_LINK_LIBRARIES "${NarrowWebP_LIBRARY}")
endif()
