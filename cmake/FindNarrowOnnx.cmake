# NarrowOnnx::proto: protobuf's classes for ONNX files (Debian: libonnx-dev, libprotobuf-dev, protobuf-compiler; vcpkg
# and Conan: onnx). Only the tests use them, as a second reader and writer to compare with; the product reads and writes
# ONNX files with protozero.
find_package(Protobuf REQUIRED)
find_path(NarrowOnnx_INCLUDE_DIR onnx/onnx-ml.pb.h)
find_library(NarrowOnnx_LIBRARY onnx_proto)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(NarrowOnnx REQUIRED_VARS NarrowOnnx_LIBRARY NarrowOnnx_INCLUDE_DIR)
if(NarrowOnnx_FOUND AND NOT TARGET NarrowOnnx::proto)
  add_library(NarrowOnnx::proto UNKNOWN IMPORTED)
  set_target_properties(NarrowOnnx::proto PROPERTIES
    IMPORTED_LOCATION "${NarrowOnnx_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${NarrowOnnx_INCLUDE_DIR}"
    INTERFACE_COMPILE_DEFINITIONS "ONNX_ML=1;ONNX_NAMESPACE=onnx")
  target_link_libraries(NarrowOnnx::proto INTERFACE protobuf::libprotobuf)
endif()
