# Rules of the design that can be a check are a check.
set(architecture ${CMAKE_CURRENT_SOURCE_DIR}/architecture)

function(architecture_test name script)
  add_test(NAME "architecture: ${name}" COMMAND ${CMAKE_COMMAND} -D ROOT=${PROJECT_SOURCE_DIR} ${ARGN}
    -P ${architecture}/${script}.cmake)
  set_tests_properties("architecture: ${name}" PROPERTIES LABELS architecture SKIP_REGULAR_EXPRESSION "\\[skipped\\]")
endfunction()

architecture_test("includes go down the layers" check_includes)
architecture_test("kernel families keep one stem" check_stems)
architecture_test("documents name files that exist" check_docs)
architecture_test("comments and documents use the words of the glossary" check_words)
architecture_test("the command includes costly headers once, reads no event texts and has its options in the docs" check_apps)
architecture_test("tracked files are small and know no machine" check_repository)
foreach(isa scalar ${NARROW_ISAS})
  architecture_test("the ${isa} library exports one symbol" check_symbols
    -D LIBRARY=$<TARGET_FILE:narrow_kernels_${isa}> -D SYMBOL=narrow_kernels_${isa} -D READELF=${CMAKE_READELF}
    -D BUILD_TYPE=$<CONFIG> "-DSANITIZE=${NARROW_SANITIZE}")
endforeach()
# What an unoptimised or instrumented build does with registers says nothing. Clang reloads two constants in a loop of
# depthwise_u8_avx2 that g++ keeps, and no sums.
find_program(PERL perl)
set(libraries "")
foreach(isa IN LISTS NARROW_ISAS)
  list(APPEND libraries $<TARGET_FILE:narrow_kernels_${isa}>)
endforeach()
if(PERL AND CMAKE_OBJDUMP AND NOT NARROW_SANITIZE AND CMAKE_BUILD_TYPE STREQUAL "Release" AND
   CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_test(NAME "architecture: hot loops keep their vectors in registers" COMMAND ${PERL} ${architecture}/check_spills.pl
    ${CMAKE_OBJDUMP} ${libraries})
  set_tests_properties("architecture: hot loops keep their vectors in registers" PROPERTIES LABELS architecture)
endif()
architecture_test("the checks can fail" self_test -D WORK=${CMAKE_CURRENT_BINARY_DIR}/architecture_self_test
  -D COMPILER=${CMAKE_CXX_COMPILER} -D ARCHIVER=${CMAKE_AR} -D READELF=${CMAKE_READELF})

# Each public header compiles alone, with nothing but include/ to find headers in, and twice without harm.
file(GLOB public_headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/include/narrow/*.h)
set(alone "")
foreach(header IN LISTS public_headers)
  string(MAKE_C_IDENTIFIER ${header} stem)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/public_headers/${stem}.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${header}\"\n#include \"${header}\"\n" @ONLY)
  list(APPEND alone ${source})
endforeach()
add_library(public_headers_alone OBJECT ${alone})
target_include_directories(public_headers_alone PRIVATE ${PROJECT_SOURCE_DIR}/include)
target_link_libraries(public_headers_alone PRIVATE narrow_build_flags)
