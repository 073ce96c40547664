# Components of an installation, which become packages. The packages themselves take a fresh system: ./dev packages check.
add_test(NAME "packages: each installed file belongs to one component"
  COMMAND ${CMAKE_COMMAND} "-DBUILD=${PROJECT_BINARY_DIR}" "-DCONFIG=${CMAKE_BUILD_TYPE}"
    "-DSHARED=${BUILD_SHARED_LIBS}" -P ${CMAKE_CURRENT_SOURCE_DIR}/packages/components.cmake)
set_tests_properties("packages: each installed file belongs to one component" PROPERTIES TIMEOUT 300 LABELS packages)
