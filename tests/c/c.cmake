# The C interface from C and from Python, in the static and in the shared library, which have the same objects.
get_property(runtime_parts GLOBAL PROPERTY NARROW_RUNTIME_PARTS)
list(TRANSFORM runtime_parts REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE runtime_objects)
add_library(narrow_shared SHARED ${runtime_objects})
set_target_properties(narrow_shared PROPERTIES OUTPUT_NAME narrow LINKER_LANGUAGE CXX)
target_include_directories(narrow_shared INTERFACE ${PROJECT_SOURCE_DIR}/include)
target_compile_definitions(narrow_shared INTERFACE NARROW_SHARED)
target_link_libraries(narrow_shared PUBLIC Threads::Threads)
if(NARROW_SANITIZE)
  target_link_options(narrow_shared PUBLIC -fsanitize=${NARROW_SANITIZE})
endif()

foreach(kind IN ITEMS static shared)
  set(library narrow_shared)
  if(kind STREQUAL "static")
    set(library narrow::runtime)
  endif()
  add_executable(c_interface_${kind} c/c_interface_test.c)
  set_target_properties(c_interface_${kind} PROPERTIES C_STANDARD 99 C_EXTENSIONS OFF LINKER_LANGUAGE CXX)
  target_compile_options(c_interface_${kind} PRIVATE -Wall -Wextra -Wpedantic -Werror)
  target_link_libraries(c_interface_${kind} PRIVATE ${library} m)
  add_test(NAME "c: a C program uses every function of the ${kind} library"
    COMMAND c_interface_${kind} ${PROJECT_SOURCE_DIR}/models/cifar10_resnet20b.nrw)
endforeach()

add_library(narrow_test_plugin MODULE c/plugin.cpp)
target_compile_options(narrow_test_plugin PRIVATE -fvisibility=hidden -fvisibility-inlines-hidden)
target_link_libraries(narrow_test_plugin PRIVATE narrow::runtime)
if(NOT NARROW_SANITIZE)
  add_test(NAME "c: a plug-in that links the static library exports its own symbols only"
    COMMAND ${CMAKE_COMMAND} -D NM=${CMAKE_NM} -D LIBRARY=$<TARGET_FILE:narrow_test_plugin> -D KIND=plugin
      -P ${CMAKE_CURRENT_SOURCE_DIR}/c/exports.cmake)
  add_test(NAME "c: the shared library exports its public interface only"
    COMMAND ${CMAKE_COMMAND} -D NM=${CMAKE_NM} -D LIBRARY=$<TARGET_FILE:narrow_shared> -D KIND=shared
      -P ${CMAKE_CURRENT_SOURCE_DIR}/c/exports.cmake)
  # The system's own, which Debian's numpy belongs to.
  find_program(NARROW_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
  mark_as_advanced(NARROW_PYTHON)
  add_test(NAME "c: Python classifies through ctypes"
    COMMAND ${CMAKE_COMMAND} -D PYTHON=${NARROW_PYTHON} -D LIBRARY=$<TARGET_FILE:narrow_shared>
      -D SOURCE=${PROJECT_SOURCE_DIR} -D WORK=${CMAKE_CURRENT_BINARY_DIR}/python -P ${CMAKE_CURRENT_SOURCE_DIR}/c/python.cmake)
  set_tests_properties("c: Python classifies through ctypes" PROPERTIES SKIP_REGULAR_EXPRESSION "\\[skipped\\]")
endif()
