# Run by CTest; see consumer.cmake.
cmake_minimum_required(VERSION 3.25)
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
# Packages of the system are out of bounds: the runtime must be found without oneDNN and the others.
step("Configuring" ${CMAKE_COMMAND} -S "${SOURCE}" -B "${work}/build" -G "${GENERATOR}"
  "-DCMAKE_PREFIX_PATH=${work}/installed" "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_FLAGS=${FLAGS}"
  "-DCMAKE_BUILD_TYPE=${CONFIG}" -DCMAKE_DISABLE_FIND_PACKAGE_dnnl=ON -DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON
  -DCMAKE_DISABLE_FIND_PACKAGE_libzip=ON)
step("Building" ${CMAKE_COMMAND} --build "${work}/build" --config "${CONFIG}")
step("Running" "${work}/build/consumer" "${MODEL}")
message(STATUS "${output}")
