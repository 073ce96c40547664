# Run by CTest; see aarch64.cmake.
cmake_minimum_required(VERSION 3.22)
find_program(compiler aarch64-linux-gnu-g++)
find_program(c_compiler aarch64-linux-gnu-gcc)
find_program(qemu NAMES qemu-aarch64 qemu-aarch64-static)
if(NOT compiler OR NOT c_compiler OR NOT qemu)
  message("[skipped] a cross compiler or qemu is not there (Debian: g++-aarch64-linux-gnu, qemu-user)")
  return()
endif()

# The cross compiler must not see the headers beside this one.
file(COPY "${DOCTEST}/doctest/doctest.h" DESTINATION "${WORK}/include/doctest")

# step(what command...): the command's output is in `output`.
function(step what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE error)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${what} failed (${code}):\n${output}${error}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

step("Configuring" ${CMAKE_COMMAND} -S "${ROOT}" -B "${WORK}/build" -G "${GENERATOR}" -DCMAKE_BUILD_TYPE=Release
  "-DCMAKE_TOOLCHAIN_FILE=${ROOT}/tests/aarch64/toolchain.cmake" -DNARROW_BUILD_TESTS=ON -DNARROW_BUILD_BENCH=OFF
  -UNARROW_ISAS "-DNARROW_DOCTEST_INCLUDE=${WORK}/include"
  "-DCMAKE_C_COMPILER_LAUNCHER=${LAUNCHER}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}")
step("Building" ${CMAKE_COMMAND} --build "${WORK}/build" --target narrow_runtime kernels_tests)

# Kernels equal the scalar reference on a CPU with dot products and on one without. The emulator says which they are.
# What dot products do not change is tested on the other one alone.
foreach(cpu IN ITEMS max cortex-a53)
  set(tests --no-intro)
  set(expected "runnable ISAs: scalar neon")
  if(cpu STREQUAL "max")
    list(APPEND tests "--test-case-exclude=depthwise*,float*,pool*,resize*,yuv*")
    string(APPEND expected " neondot")
  endif()
  step("Testing kernels on ${cpu}" ${qemu} -cpu ${cpu} "${WORK}/build/tests/aarch64/kernels_tests" ${tests})
  if(NOT output MATCHES "${expected}\n")
    message(FATAL_ERROR "The kernels of '${expected}' were not tested on ${cpu}:\n${output}")
  endif()
endforeach()
# An instruction set's library exports one symbol, as on x86.
find_program(readelf readelf)
foreach(isa IN ITEMS neon neondot)
  step("Reading symbols" ${CMAKE_COMMAND} "-DLIBRARY=${WORK}/build/kernels/libnarrow_kernels_${isa}.a"
    "-DSYMBOL=narrow_kernels_${isa}" "-DREADELF=${readelf}" -DBUILD_TYPE=Release -P
    "${ROOT}/tests/architecture/check_symbols.cmake")
endforeach()

set(library "${WORK}/build/engine/libnarrow.a")
set(flags -static -O2 "-I${ROOT}/include")
step("Linking" ${compiler} -std=c++20 ${flags} "${ROOT}/tests/aarch64/scores.cpp" "${library}" -pthread
  -o "${WORK}/scores_there")

# Networks of 8 and of 4 bits, and one in float.
set(models "${ROOT}/models")
step("Quantizing" ${NARROW} quantize "${models}/cifar10_resnet20b.pth" --calibrate "${models}/demo" --weights 4
  --activations 4 --effort fast -o "${WORK}/4.nrw")
step("Converting" ${NARROW} convert "${models}/cifar10_resnet20b.pth" -o "${WORK}/float.nrw")
foreach(model IN ITEMS "${models}/cifar10_resnet20b.nrw" "${WORK}/4.nrw" "${WORK}/float.nrw")
  step("Scoring here" "${HERE}" "${model}")
  set(here "${output}")
  foreach(cpu IN ITEMS max cortex-a53)
    step("Scoring under qemu" ${qemu} -cpu ${cpu} "${WORK}/scores_there" "${model}")
    if(here STREQUAL "" OR NOT here STREQUAL output)
      message(FATAL_ERROR "${model}: the bits differ, here\n${here}and on ARM (${cpu})\n${output}")
    endif()
  endforeach()
endforeach()

# The C interface: a C program, linked as one.
step("Compiling C" ${c_compiler} -std=c99 ${flags} -c "${ROOT}/tests/c/c_interface_test.c" -o "${WORK}/c_interface.o")
step("Linking C" ${compiler} -static "${WORK}/c_interface.o" "${library}" -pthread -o "${WORK}/c_interface")
step("Running C under qemu" ${qemu} "${WORK}/c_interface" "${models}/cifar10_resnet20b.nrw")

# What ARM does not have is refused in one sentence.
execute_process(COMMAND ${CMAKE_COMMAND} -S "${ROOT}" -B "${WORK}/refused" -G "${GENERATOR}" -DNARROW_BUILD_FULL=ON
  "-DCMAKE_TOOLCHAIN_FILE=${ROOT}/tests/aarch64/toolchain.cmake" RESULT_VARIABLE code OUTPUT_VARIABLE output
  ERROR_VARIABLE output)
string(REGEX REPLACE "[ \n]+" " " output "${output}")
if(code EQUAL 0 OR NOT output MATCHES "For aarch64, configure with -DNARROW_BUILD_FULL=OFF")
  message(FATAL_ERROR "The full build is not refused for ARM: ${output}")
endif()
