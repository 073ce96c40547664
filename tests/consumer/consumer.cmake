# Installs into a folder of the build, builds a separate project against it and runs the result.
if(NARROW_SANITIZE)
  set(consumer_flags "-fsanitize=${NARROW_SANITIZE}")
endif()
# Bytes of the stripped consumer: 810 000 with g++ 12, about 40 000 more with g++ 14 on Debian 13, and a margin.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT NARROW_SANITIZE AND NOT
    BUILD_SHARED_LIBS)
  set(consumer_limit 816000)
  if(CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
    set(consumer_limit 860000)
  endif()
endif()
add_test(NAME "consumer: a project of its own finds and links and runs the installed runtime"
  COMMAND ${CMAKE_COMMAND}
    "-DBUILD=${PROJECT_BINARY_DIR}"
    "-DSOURCE=${CMAKE_CURRENT_SOURCE_DIR}/consumer"
    "-DMODEL=${NARROW_DEFAULT_MODEL}"
    "-DGENERATOR=${CMAKE_GENERATOR}"
    "-DCOMPILER=${CMAKE_CXX_COMPILER}"
    "-DFLAGS=${consumer_flags}"
    "-DLIMIT=${consumer_limit}"
    "-DSTRIP=${CMAKE_STRIP}"
    "-DCONFIG=${CMAKE_BUILD_TYPE}"
    -P ${CMAKE_CURRENT_SOURCE_DIR}/consumer/run.cmake)
set_tests_properties("consumer: a project of its own finds and links and runs the installed runtime" PROPERTIES
  TIMEOUT 300 LABELS consumer)
add_test(NAME "consumer: a product with Narrow as a subproject builds the optimised runtime alone"
  COMMAND ${CMAKE_COMMAND}
    "-DROOT=${PROJECT_SOURCE_DIR}"
    "-DSOURCE=${CMAKE_CURRENT_SOURCE_DIR}/consumer"
    "-DWORK=${PROJECT_BINARY_DIR}/subproject_test"
    "-DGENERATOR=${CMAKE_GENERATOR}"
    "-DCOMPILER=${CMAKE_CXX_COMPILER}"
    -P ${CMAKE_CURRENT_SOURCE_DIR}/consumer/subproject.cmake)
set_tests_properties("consumer: a product with Narrow as a subproject builds the optimised runtime alone" PROPERTIES LABELS
  consumer)
