# The runtime on 64-bit ARM, under qemu: the scores have the bits that this CPU's fastest kernels give. Debian:
# g++-aarch64-linux-gnu, qemu-user.
add_executable(aarch64_scores ${CMAKE_CURRENT_SOURCE_DIR}/aarch64/scores.cpp)
target_link_libraries(aarch64_scores PRIVATE narrow::runtime)
set_target_properties(aarch64_scores PROPERTIES OUTPUT_NAME scores_here)
find_path(NARROW_DOCTEST_INCLUDE doctest/doctest.h PATH_SUFFIXES doctest)
set(aarch64_test "aarch64: the runtime gives the same bits on 64-bit ARM")
add_test(NAME "${aarch64_test}"
  COMMAND ${CMAKE_COMMAND} "-DROOT=${PROJECT_SOURCE_DIR}" "-DWORK=${PROJECT_BINARY_DIR}/aarch64"
    "-DHERE=$<TARGET_FILE:aarch64_scores>" "-DNARROW=$<TARGET_FILE:narrow_cli>" "-DGENERATOR=${CMAKE_GENERATOR}"
    "-DLAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER}" "-DDOCTEST=${NARROW_DOCTEST_INCLUDE}" -P ${CMAKE_CURRENT_SOURCE_DIR}/aarch64/run.cmake)
set_tests_properties("${aarch64_test}" PROPERTIES TIMEOUT 1800 LABELS aarch64 SKIP_REGULAR_EXPRESSION "\\[skipped\\]")
