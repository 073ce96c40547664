# Components of an installation, which become packages. The packages themselves take a fresh system: ./dev packages check.
add_test(NAME "packages: each installed file belongs to one component"
  COMMAND ${CMAKE_COMMAND} "-DBUILD=${PROJECT_BINARY_DIR}" "-DCONFIG=${CMAKE_BUILD_TYPE}"
    "-DSHARED=${BUILD_SHARED_LIBS}" -P ${CMAKE_CURRENT_SOURCE_DIR}/packages/components.cmake)
set_tests_properties("packages: each installed file belongs to one component" PROPERTIES TIMEOUT 300 LABELS packages)
add_test(NAME "packages: recipes and presets are of this version and well-formed"
  COMMAND ${CMAKE_COMMAND} "-DROOT=${PROJECT_SOURCE_DIR}" "-DWORK=${PROJECT_BINARY_DIR}/recipes_test"
    "-DVERSION=${PROJECT_VERSION}" "-DCOMPILER=${CMAKE_CXX_COMPILER}" -P ${CMAKE_CURRENT_SOURCE_DIR}/packages/recipes.cmake)
set_tests_properties("packages: recipes and presets are of this version and well-formed" PROPERTIES LABELS packages)
