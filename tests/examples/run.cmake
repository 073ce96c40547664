# Run by CTest; see examples.cmake.
cmake_minimum_required(VERSION 3.22)
set(work "${BUILD}/examples")
file(REMOVE_RECURSE "${work}")

# step(what command...): the command's output is in `output`.
function(step what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${what} failed (${code}):\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

function(expect what pattern)
  if(NOT output MATCHES "${pattern}")
    message(FATAL_ERROR "${what} printed, instead of ${pattern}:\n${output}")
  endif()
endfunction()

step("Configuring" ${CMAKE_COMMAND} -S "${ROOT}/examples" -B "${work}" -G "${GENERATOR}"
  "-DCMAKE_PREFIX_PATH=${BUILD}/consumer/installed" "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_FLAGS=${FLAGS}"
  "-DCMAKE_C_FLAGS=${FLAGS}" "-DCMAKE_BUILD_TYPE=${CONFIG}" "-DNARROW_EXAMPLE_MODEL=${MODEL}")
step("Building" ${CMAKE_COMMAND} --build "${work}" --config "${CONFIG}")

# A drawing of a truck, and the same command's own answer.
set(image "${ROOT}/models/demo/truck_drawn.ppm")
step("minimal" "${work}/minimal" "${MODEL}" "${image}")
expect("minimal" "^ *[0-9.]+ %  truck\n")
string(REGEX REPLACE "^ *([0-9.]+) %.*" "\\1" percent "${output}")
step("classify_c" "${work}/classify_c" "${MODEL}" "${image}")
expect("classify_c" "^${percent} % truck\n$")
step("service" "${work}/service" "${MODEL}" "${image}" "${image}" "${image}")
expect("service" "truck_drawn.ppm: class 9\n.*truck_drawn.ppm: class 9\n.*truck_drawn.ppm: class 9\n$")

step("embedded" "${work}/embedded" "${image}")
expect("embedded" "^truck\n$")

# An image is most similar to itself; two flat ones are nearer to each other than to it.
foreach(byte "~" "!")
  string(REPEAT "${byte}" 3072 pixels)
  file(WRITE "${work}/flat${byte}.ppm" "P6\n32 32\n255\n${pixels}")
endforeach()
step("embeddings" "${work}/embeddings" "${MODEL}" "${image}" "${work}/flat!.ppm" "${image}" "${work}/flat~.ppm")
expect("embeddings" "^1.000  [^\n]*truck_drawn.ppm\n-?0[^\n]*flat.\\.ppm\n-?0[^\n]*flat.\\.ppm\n$")
step("embeddings" "${work}/embeddings" "${MODEL}" "${work}/flat!.ppm" "${image}" "${work}/flat~.ppm")
expect("embeddings" "^0[^\n]*flat~.ppm\n-?0[^\n]*truck_drawn.ppm\n$")

# Three gray frames: each byte of luma and chroma is '~'.
string(REPEAT "~" 4608 frame)
file(WRITE "${work}/frames.nv12" "${frame}${frame}${frame}rest")
execute_process(COMMAND "${work}/camera" "${MODEL}" 64 48 INPUT_FILE "${work}/frames.nv12" OUTPUT_VARIABLE output
  RESULT_VARIABLE code)
expect("camera" "^frame 0: [a-z]+\nframe 1: [a-z]+\nframe 2: [a-z]+\n$")

if(EXISTS "${work}/calibrate")
  step("calibrate" "${work}/calibrate" "${ROOT}/models/cifar10_resnet20b.pth" "${ROOT}/models/demo" "${work}/4.nrw")
  step("minimal with 4 bits" "${work}/minimal" "${work}/4.nrw" "${image}")
  expect("minimal with 4 bits" "^ *[0-9.]+ %  truck\n")
endif()

# What is wrong is said, and the exit code is not 0.
foreach(program minimal service classify_c embeddings)
  foreach(arguments "" "/no/such.nrw;${image}" "${MODEL};/no/such.ppm")
    execute_process(COMMAND "${work}/${program}" ${arguments} RESULT_VARIABLE code ERROR_VARIABLE error OUTPUT_QUIET)
    if(code EQUAL 0 OR NOT code MATCHES "^[12]$" OR error STREQUAL "")
      message(FATAL_ERROR "${program} ${arguments}: exit code ${code}, '${error}'")
    endif()
  endforeach()
endforeach()
