# Fuzz targets. Every fuzz_<name>.cpp defines LLVMFuzzerTestOneInput, and fuzz_seeds() where it has some (see fuzz.h). It
# is built in every build with a plain main that replays the folder corpus_<name>, mutates files and seeds for a moment,
# and runs as the test "fuzz: <name>": so it can't rot. Configured with clang and
# NARROW_SANITIZE=fuzzer-no-link,address, libFuzzer drives it.
#
# A target links narrow_pipeline unless narrow_fuzz_<name>_libraries says less; narrow_fuzz_<name>_sources adds files.
set(narrow_fuzz_checkpoint_libraries narrow_importers)
set(narrow_fuzz_checkpoint_sources ${CMAKE_CURRENT_LIST_DIR}/../importers/torch/checkpoint_writer.cpp)
set(narrow_fuzz_safetensors_libraries narrow_importers)
set(narrow_fuzz_safetensors_sources ${CMAKE_CURRENT_LIST_DIR}/../importers/torch/checkpoint_writer.cpp)
set(narrow_fuzz_onnx_libraries narrow_importers NarrowOnnx::proto)
set(narrow_fuzz_onnx_sources ${CMAKE_CURRENT_LIST_DIR}/../importers/onnx/builder.cpp)
set(narrow_fuzz_networks_libraries narrow_pipeline NarrowOnnx::proto)
set(narrow_fuzz_networks_sources ${CMAKE_CURRENT_LIST_DIR}/../importers/onnx/builder.cpp)
set(narrow_fuzz_model_libraries narrow_engine)
set(narrow_fuzz_model_sources ${CMAKE_CURRENT_LIST_DIR}/../engine/integer_graph_builder.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../engine/sample_models.cpp ${CMAKE_CURRENT_LIST_DIR}/../engine/random_model.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../support/graph/random_graph.cpp)

function(narrow_fuzz name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBRARIES;SOURCES")
  add_executable(fuzz_${name} ${fuzz_folder}/fuzz_${name}.cpp ${arg_SOURCES})
  target_include_directories(fuzz_${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(fuzz_${name} PRIVATE ${arg_LIBRARIES} narrow_build_flags)
  set(corpus "")
  if(IS_DIRECTORY ${fuzz_folder}/corpus_${name})
    set(corpus ${fuzz_folder}/corpus_${name})
  endif()
  if(NARROW_SANITIZE MATCHES "fuzzer")
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    add_test(NAME "fuzz: ${name}" COMMAND fuzz_${name} -runs=20000 -max_len=8192 ${corpus})
  else()
    target_sources(fuzz_${name} PRIVATE ${fuzz_folder}/fuzz_main.cpp)
    add_test(NAME "fuzz: ${name}" COMMAND fuzz_${name} --rounds 20000 --seconds 20 ${corpus})
  endif()
  set_tests_properties("fuzz: ${name}" PROPERTIES TIMEOUT 300 LABELS fuzz)
endfunction()

set(fuzz_folder ${CMAKE_CURRENT_LIST_DIR})
file(GLOB fuzz_files CONFIGURE_DEPENDS ${fuzz_folder}/fuzz_*.cpp)
foreach(file IN LISTS fuzz_files)
  get_filename_component(name ${file} NAME_WE)
  string(REGEX REPLACE "^fuzz_" "" name ${name})
  if(name STREQUAL "main")
    continue()
  endif()
  if(NOT DEFINED narrow_fuzz_${name}_libraries)
    set(narrow_fuzz_${name}_libraries narrow_pipeline)
  endif()
  narrow_fuzz(${name} LIBRARIES ${narrow_fuzz_${name}_libraries} SOURCES ${narrow_fuzz_${name}_sources})
endforeach()
