# Run by CTest; see packages.cmake. vcpkg and Conan themselves are not needed.
cmake_minimum_required(VERSION 3.22)
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")

file(READ "${ROOT}/packaging/vcpkg/ports/narrow/vcpkg.json" port)
string(JSON version GET "${port}" version)
if(NOT version STREQUAL VERSION)
  message(FATAL_ERROR "vcpkg.json is of version ${version}, and the headers are of ${VERSION}")
endif()
string(JSON features LENGTH "${port}" features)
if(NOT features EQUAL 1)
  message(FATAL_ERROR "docs/packaging.md describes one feature, and vcpkg.json has ${features}")
endif()

# All presets are there, and one configures.
execute_process(COMMAND ${CMAKE_COMMAND} --list-presets WORKING_DIRECTORY "${ROOT}" RESULT_VARIABLE code
  OUTPUT_VARIABLE listed ERROR_VARIABLE listed)
foreach(preset IN ITEMS release runtime demo packages asan tsan fuzz)
  if(NOT code EQUAL 0 OR NOT listed MATCHES "\"${preset}\"")
    message(FATAL_ERROR "cmake --list-presets does not list ${preset}: ${listed}")
  endif()
endforeach()
execute_process(COMMAND ${CMAKE_COMMAND} --preset runtime -B "${WORK}/runtime" WORKING_DIRECTORY "${ROOT}"
  RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "cmake --preset runtime failed: ${output}")
endif()

find_program(python NAMES python3)
if(python)
  foreach(recipe IN ITEMS conanfile.py test_package/conanfile.py)
    execute_process(COMMAND "${python}" -c "import ast, sys; ast.parse(open(sys.argv[1]).read())"
      "${ROOT}/packaging/conan/${recipe}" RESULT_VARIABLE code ERROR_VARIABLE output)
    if(NOT code EQUAL 0)
      message(FATAL_ERROR "packaging/conan/${recipe}: ${output}")
    endif()
  endforeach()
endif()
# What the Conan recipe exports is enough to build the small command: every folder that the build then enters.
file(READ "${ROOT}/packaging/conan/conanfile.py" recipe)
foreach(folder IN ITEMS apps base cmake engine graph importers include kernels measure models pipeline)
  if(NOT recipe MATCHES "\"${folder}/")
    message(FATAL_ERROR "the Conan recipe does not export ${folder}/")
  endif()
endforeach()
