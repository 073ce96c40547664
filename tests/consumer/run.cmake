# Run by CTest; see consumer.cmake.
cmake_minimum_required(VERSION 3.22)
set(work "${BUILD}/consumer")
file(REMOVE_RECURSE "${work}")

function(step what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${what} failed (${code}):\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

step("Installing" ${CMAKE_COMMAND} --install "${BUILD}" --prefix "${work}/installed" --config "${CONFIG}")

# The public headers define the macros of the version and no others. What the standard library's headers define is
# subtracted.
file(GLOB headers "${work}/installed/include/narrow/*.h")
set(includes "")
set(standard "")
foreach(header IN LISTS headers)
  string(APPEND includes "#include \"${header}\"\n")
  file(STRINGS "${header}" lines REGEX "^#include <")
  list(APPEND standard ${lines})
endforeach()
list(JOIN standard "\n" standard)
function(macros_of name text variable)
  file(WRITE "${work}/${name}.cpp" "${text}\n")
  step("Preprocessing" "${COMPILER}" -std=c++20 -dM -E "-I${work}/installed/include" "${work}/${name}.cpp")
  string(REGEX MATCHALL "#define [A-Za-z0-9_]+" macros "${output}")
  set(${variable} "${macros}" PARENT_SCOPE)
endfunction()
macros_of(public_headers "${includes}" macros)
macros_of(standard_headers "${standard}" standard_macros)
list(REMOVE_ITEM macros ${standard_macros})
list(SORT macros)
set(documented "#define NARROW_VERSION_MAJOR;#define NARROW_VERSION_MINOR;#define NARROW_VERSION_PATCH")
if(NOT macros STREQUAL documented)
  message(FATAL_ERROR "The public headers define '${macros}' instead of '${documented}'")
endif()

# They compile without exceptions and run-time type information, and say what they need where it is not there.
step("Compiling the headers without exceptions" "${COMPILER}" -std=c++20 -fno-exceptions -fno-rtti -Wall -Wextra -Werror
  -fsyntax-only "-I${work}/installed/include" "${work}/public_headers.cpp")
execute_process(COMMAND "${COMPILER}" -std=c++17 -fsyntax-only "-I${work}/installed/include" "${work}/public_headers.cpp"
  RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
string(REGEX MATCH "[^\n]*error[^\n]*" first "${output}")
if(code EQUAL 0 OR NOT first MATCHES "need C\\+\\+20")
  message(FATAL_ERROR "C++17 is not refused by one sentence first, but by '${first}'")
endif()

# Packages of the system are out of bounds: the runtime must be found without oneDNN and the others.
step("Configuring" ${CMAKE_COMMAND} -S "${SOURCE}" -B "${work}/build" -G "${GENERATOR}"
  "-DCMAKE_PREFIX_PATH=${work}/installed" "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_FLAGS=${FLAGS}"
  "-DCMAKE_BUILD_TYPE=${CONFIG}" -DCMAKE_DISABLE_FIND_PACKAGE_dnnl=ON -DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON
  -DCMAKE_DISABLE_FIND_PACKAGE_libzip=ON)
step("Building" ${CMAKE_COMMAND} --build "${work}/build" --config "${CONFIG}")
step("Running" "${work}/build/consumer" "${MODEL}")
message(STATUS "${output}")

# A component that there is not is refused by the names of those that there are.
file(WRITE "${work}/unknown/CMakeLists.txt" "cmake_minimum_required(VERSION 3.22)
project(unknown LANGUAGES CXX)
find_package(narrow REQUIRED COMPONENTS engine)
")
execute_process(COMMAND ${CMAKE_COMMAND} -S "${work}/unknown" -B "${work}/unknown/build" -G "${GENERATOR}"
    "-DCMAKE_PREFIX_PATH=${work}/installed" "-DCMAKE_CXX_COMPILER=${COMPILER}"
  RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(code EQUAL 0 OR NOT output MATCHES "no[ \n]+component[ \n]+engine")
  message(FATAL_ERROR "An unknown component is not refused by its name, but: ${output}")
endif()

# What such a program weighs; docs/embedding.md has the numbers. Other compilers and builds make other code.
if(LIMIT)
  step("Stripping" "${STRIP}" -o "${work}/stripped" "${work}/build/consumer")
  file(SIZE "${work}/stripped" size)
  message(STATUS "a program that loads and runs takes ${size} bytes")
  if(size GREATER LIMIT)
    message(FATAL_ERROR "A program that loads a model and runs it takes ${size} bytes, stripped; the limit is ${LIMIT}. "
      "Either the runtime grew by what such a program does not use, or the limit in tests/consumer/consumer.cmake is old.")
  endif()
endif()

# A C program that knows pkg-config alone.
find_program(pkg_config NAMES pkg-config pkgconf)
find_program(cc NAMES cc gcc clang)
if(pkg_config AND cc)
  file(GLOB_RECURSE pc_file "${work}/installed/*/narrow.pc")
  get_filename_component(pc_folder "${pc_file}" DIRECTORY)
  set(ENV{PKG_CONFIG_PATH} "${pc_folder}")
  step("Asking pkg-config" ${pkg_config} --cflags --libs narrow)
  string(STRIP "${output} ${FLAGS}" flags)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  step("Compiling for pkg-config" ${cc} -std=c99 "${SOURCE}/../c/c_interface_test.c" -o "${work}/c_program" ${flags} -lm)
  step("Running the C program" "${work}/c_program" "${MODEL}")
  message(STATUS "${output}")
else()
  message(STATUS "pkg-config or a C compiler is not there: the C program was left out")
endif()
