# How every library of Narrow is built: C++20, strict warnings, no floating-point contraction (docs/numerics.md is normative).
include(GNUInstallDirs)
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
find_package(Threads REQUIRED)

# Warnings, contraction and sanitizers, for our own targets only.
add_library(narrow_build_flags INTERFACE)
target_compile_options(narrow_build_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual
  -Wformat=2 -Wnull-dereference -Wimplicit-fallthrough -ffp-contract=off>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False positives of g++ 12 in inlined std::vector and std::variant code.
  target_compile_options(narrow_build_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-null-dereference
    -Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow -Wno-free-nonheap-object -Wno-restrict>)
endif()
if(NOT narrow_on_x86)
  # A char is signed, as on x86.
  target_compile_options(narrow_build_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fsigned-char>)
endif()
# Everything but kernels, tests too: one precompiled header serves several targets, and so they define the same macros.
target_compile_definitions(narrow_build_flags INTERFACE
  $<$<NOT:$<BOOL:$<TARGET_PROPERTY:NARROW_EXPORTS_NOTHING>>>:NARROW_BUILDING>)
if(NARROW_WARNINGS_AS_ERRORS)
  target_compile_options(narrow_build_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()
if(NARROW_SANITIZE)
  target_compile_options(narrow_build_flags INTERFACE -fsanitize=${NARROW_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  # An index beyond the end of a vector is not always beyond the end of its memory, where a sanitizer would see it.
  target_compile_definitions(narrow_build_flags INTERFACE _GLIBCXX_ASSERTIONS)
  if(NARROW_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ warns that it does not follow fences; there is one in base/shared_buffer.h. What it orders may be reported.
    target_compile_options(narrow_build_flags INTERFACE -Wno-tsan)
  endif()
  target_link_options(narrow_build_flags INTERFACE -fsanitize=${NARROW_SANITIZE})
endif()

# narrow_library(NAME sources...): a static library narrow_NAME that finds headers from the repository's root. A part of
# what products link, see narrow_product().
function(narrow_library name)
  add_library(narrow_${name} STATIC ${ARGN})
  target_include_directories(narrow_${name}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(narrow_${name} PRIVATE $<BUILD_INTERFACE:narrow_build_flags>)
  target_compile_features(narrow_${name} PUBLIC cxx_std_20)
  if(name MATCHES "^(base|graph|engine|kernels)")
    # So that a program that links the static runtime holds only the functions that it uses.
    target_compile_options(narrow_${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-ffunction-sections -fdata-sections>)
  endif()
  if(name MATCHES "^(graph|engine)$" AND NOT NARROW_SANITIZE)
    # Nothing there asks for the type of an object; names and tables of types take 20 KB. Sanitizers ask.
    target_compile_options(narrow_${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)
  endif()
  # Only what the public headers declare leaves a shared library (include/narrow/detail/visibility_begin.h). The same
  # objects make the static library. Kernels export nothing: an inline function that an ISA library exports could replace
  # the baseline's copy.
  set_target_properties(narrow_${name} PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  if(name MATCHES "^kernels_")
    set_target_properties(narrow_${name} PROPERTIES NARROW_EXPORTS_NOTHING ON)
  endif()
endfunction()

# narrow_product(NAME EXPORT_NAME parts...): narrow::EXPORT_NAME, one library of all objects of these parts: static or, with
# BUILD_SHARED_LIBS, shared. It is what is installed. Targets of this repository link the parts.
function(narrow_product name export)
  list(TRANSFORM ARGN REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE objects)
  add_library(narrow_${name} ${objects})
  get_target_property(type narrow_${name} TYPE)
  set_target_properties(narrow_${name} PROPERTIES EXPORT_NAME ${export} LINKER_LANGUAGE CXX
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  target_include_directories(narrow_${name} INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(narrow_${name} INTERFACE cxx_std_20)
  target_link_libraries(narrow_${name} PUBLIC Threads::Threads)
  if(type STREQUAL "SHARED_LIBRARY")
    target_compile_definitions(narrow_${name} INTERFACE NARROW_SHARED)
  else()
    # A plug-in that links the static library exports nothing of it.
    target_link_options(narrow_${name} INTERFACE LINKER:--exclude-libs,libnarrow.a:libnarrow_full.a LINKER:--gc-sections)
  endif()
  if(NARROW_SANITIZE)
    target_link_options(narrow_${name} PUBLIC -fsanitize=${NARROW_SANITIZE})
  endif()
  add_library(narrow::${export} ALIAS narrow_${name})
  set_property(GLOBAL APPEND PROPERTY NARROW_PRODUCTS narrow_${name})
endfunction()

# narrow_precompile(TARGET OWN [headers...] | FROM target | INTRINSICS): parses the standard library's headers once for many files.
# OWN makes a precompiled header; `headers` are small ones, because each file pays for what is in it (CLI11: 4 s).
# FROM takes the precompiled header of a target that has the same compile options. INTRINSICS is for kernels, which
# include no header of the standard library: parsing <immintrin.h> takes longer than most of them.
function(narrow_precompile target)
  cmake_parse_arguments(PARSE_ARGV 1 precompile "INTRINSICS" "FROM" "OWN")
  if(NOT NARROW_PRECOMPILE_HEADERS)
    return()
  endif()
  if(precompile_FROM)
    target_precompile_headers(${target} REUSE_FROM ${precompile_FROM})
  elseif(precompile_INTRINSICS)
    target_precompile_headers(${target} PRIVATE <immintrin.h>)
  else()
    target_precompile_headers(${target} PRIVATE <algorithm> <array> <cmath> <cstdint> <filesystem> <functional> <limits>
      <map> <memory> <numeric> <optional> <span> <string> <string_view> <unordered_map> <unordered_set> <utility>
      <variant> <vector> ${precompile_OWN})
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # the compiler cache must see which precompiled header a file uses
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
  endif()
endfunction()

# narrow_quick_build(TARGET ...): for code that runs once per file and not once per image. Optimising takes most of the
# time of a build after parsing, so -O1 is enough. Results do not depend on the level of optimisation: there is no
# -ffast-math and no contraction. The arguments are those of narrow_precompile().
function(narrow_quick_build target)
  target_compile_options(${target} PRIVATE $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<NOT:$<CONFIG:Debug>>>:-O1>)
  narrow_precompile(${target} ${ARGN})
endfunction()

# narrow_small_code(TARGET HOT files... WARM files...): optimises for size what runs once for each model or session, which
# is most of the runtime beside kernels and half of its bytes otherwise. Results do not depend on the level of optimisation.
# WARM: what runs for each image in few networks, -O2. FILES: only these are small. A precompiled header serves one level, so files of the other one do without.
function(narrow_small_code target)
  cmake_parse_arguments(PARSE_ARGV 1 small "" "" "HOT;WARM;FILES")
  set(not_debug $<NOT:$<CONFIG:Debug>>)
  if(small_FILES)
    set_property(SOURCE ${small_FILES} APPEND PROPERTY COMPILE_OPTIONS $<${not_debug}:-Os>)
  else()
    target_compile_options(${target} PRIVATE $<$<AND:$<COMPILE_LANGUAGE:CXX>,${not_debug}>:-Os>)
    set_property(SOURCE ${small_HOT} APPEND PROPERTY COMPILE_OPTIONS $<${not_debug}:-O3>)
    set_property(SOURCE ${small_WARM} APPEND PROPERTY COMPILE_OPTIONS $<${not_debug}:-O2>)
  endif()
  set_property(SOURCE ${small_HOT} ${small_WARM} ${small_FILES} PROPERTY SKIP_PRECOMPILE_HEADERS ON)
endfunction()

# narrow_isa_names(VAR): the instruction sets of NARROW_ISAS, checked. The scalar kernels are always there.
function(narrow_isa_names variable)
  foreach(isa IN LISTS NARROW_ISAS)
    if(NOT isa IN_LIST narrow_isas)
      list(JOIN narrow_isas ", " known)
      message(FATAL_ERROR "NARROW_ISAS has '${isa}'; for ${CMAKE_SYSTEM_PROCESSOR} it takes ${known}, separated by semicolons.")
    elseif(NOT narrow_base_isa IN_LIST NARROW_ISAS)
      message(FATAL_ERROR "NARROW_ISAS has '${isa}' without ${narrow_base_isa}, whose kernels it needs.")
    endif()
  endforeach()
  if("amx" IN_LIST NARROW_ISAS AND NOT "avx512vnni" IN_LIST NARROW_ISAS)
    message(FATAL_ERROR "NARROW_ISAS has 'amx' without avx512vnni, whose kernels it needs.")
  endif()
  set(${variable} ${NARROW_ISAS} PARENT_SCOPE)
endfunction()

# narrow_unity(TARGET folders...): with NARROW_UNITY_BUILD, files of a folder are compiled a few at a time, so that headers
# are parsed and templates instantiated once for all of them. Never for kernels, steps and what else runs once per image
# in a session: what the compiler inlines there must not depend on the kind of build.
function(narrow_unity target)
  if(NOT NARROW_UNITY_BUILD)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # A private class may hold what the anonymous namespace of its file defines; g++ takes such a file for a header.
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage>)
  endif()
  foreach(folder IN LISTS ARGN)
    file(GLOB files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
    string(MAKE_C_IDENTIFIER "${folder}" name)
    set(count 0)
    foreach(file IN LISTS files)
      math(EXPR batch "${count} / 12")
      math(EXPR count "${count} + 1")
      set_source_files_properties(${file} PROPERTIES UNITY_GROUP ${name}${batch})
    endforeach()
  endforeach()
endfunction()

# narrow_sources(VAR folders...): all .cpp files directly in the folders. A new file needs no edit of a build file.
function(narrow_sources variable)
  set(all "")
  foreach(folder IN LISTS ARGN)
    file(GLOB found CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
    list(APPEND all ${found})
  endforeach()
  set(${variable} ${all} PARENT_SCOPE)
endfunction()
