# Builds examples/ as a project of its own against the installation that the consumer test made, and runs each.
add_test(NAME "examples: each is built against the installation and does what it says"
  COMMAND ${CMAKE_COMMAND}
    "-DBUILD=${PROJECT_BINARY_DIR}"
    "-DROOT=${PROJECT_SOURCE_DIR}"
    "-DMODEL=${NARROW_DEFAULT_MODEL}"
    "-DGENERATOR=${CMAKE_GENERATOR}"
    "-DCOMPILER=${CMAKE_CXX_COMPILER}"
    "-DFLAGS=${consumer_flags}"
    "-DCONFIG=${CMAKE_BUILD_TYPE}"
    -P ${CMAKE_CURRENT_SOURCE_DIR}/examples/run.cmake)
set_tests_properties("examples: each is built against the installation and does what it says" PROPERTIES
  TIMEOUT 300 LABELS examples FIXTURES_REQUIRED installation)
set_tests_properties("consumer: a project of its own finds and links and runs the installed runtime" PROPERTIES
  FIXTURES_SETUP installation)
