# cmake -D ROOT=... -P check_stems.cmake: one family, one stem. Whoever lists `*pool*` sees its contract, reference, ISA
# files, test and benchmark.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/report.cmake)

# needs(family pattern what): some file matches the pattern.
function(needs family pattern what)
  file(GLOB found ${ROOT}/${pattern})
  if(NOT found)
    complain("${family}: no ${what} (${pattern})")
  endif()
endfunction()

file(GLOB entries RELATIVE ${ROOT}/kernels ${ROOT}/kernels/*)
set(isas "")
foreach(entry IN LISTS entries)
  if(IS_DIRECTORY ${ROOT}/kernels/${entry})
    list(APPEND isas ${entry})
  endif()
endforeach()
# What several ISAs compile, and measurements; not an ISA.
list(REMOVE_ITEM isas shared costs)

# Contracts: every header of kernels/ that describes arithmetic.
file(GLOB contracts ${ROOT}/kernels/*.h)
list(FILTER contracts EXCLUDE REGEX "/(cpu_features|isa_table|costs)\\.h$")
foreach(contract IN LISTS contracts)
  get_filename_component(family ${contract} NAME_WE)
  foreach(isa IN LISTS isas)
    if(isa MATCHES "vnni$|^amx$" AND NOT family STREQUAL "convolution")
      continue()  # they offer those of AVX2, and have their own where that is faster
    elseif(isa STREQUAL "neondot" AND NOT family STREQUAL "convolution")
      continue()  # as the VNNI ones: those of NEON
    elseif(isa STREQUAL "neon" AND family STREQUAL "pixels")
      continue()  # those of the scalar reference
    endif()
    file(GLOB_RECURSE found ${ROOT}/kernels/${isa}/${family}*_${isa}.cpp)
    if(NOT found)
      complain("${family}: no ${isa} kernels (${family}*_${isa}.cpp in kernels/${isa}/)")
    endif()
  endforeach()
  needs(${family} tests/kernels/${family}*_test.cpp "test")
  needs(${family} bench/${family}*_bench.cpp "benchmark")
endforeach()

# A kernel stands in the file that is named like it: "convolution_u8_6x16_avx2", which `narrow inspect` prints, is in
# convolution_u8_6x16_avx2.cpp. Kernels of convolutions are objects with their name as the first member; the functions of
# other families are named in the tables of their family's file.
set(named_kernels 0)
foreach(isa IN LISTS isas)
  file(GLOB_RECURSE files RELATIVE ${ROOT} ${ROOT}/kernels/${isa}/*.cpp ${ROOT}/kernels/${isa}/*.h)
  foreach(path IN LISTS files)
    file(READ ${ROOT}/${path} text)
    string(REGEX MATCHALL "\"(convolution|depthwise|winograd)_[a-z0-9_]*\"" names "${text}")
    get_filename_component(stem ${path} NAME_WE)
    foreach(name IN LISTS names)
      math(EXPR named_kernels "${named_kernels} + 1")
      string(REPLACE "\"" "" name ${name})
      if(NOT name STREQUAL stem)
        complain("${path}: defines the kernel ${name}, which belongs into ${name}.cpp")
      endif()
    endforeach()
  endforeach()
endforeach()
if(EXISTS ${ROOT}/kernels/convolution.h AND named_kernels EQUAL 0)
  complain("no name of a convolution kernel found in ${ROOT}/kernels")
endif()

# Kernel files: their name says the family first and the ISA, and the family has a test.
foreach(isa IN LISTS isas)
  file(GLOB_RECURSE files RELATIVE ${ROOT}/kernels/${isa} ${ROOT}/kernels/${isa}/*)
  foreach(path IN LISTS files)
    get_filename_component(name ${path} NAME)
    if(NOT name MATCHES "_${isa}[_.]")
      complain("kernels/${isa}/${path}: the name does not say ${isa}")
    endif()
    string(REGEX MATCH "^[a-z0-9]+" family ${name})
    if(name MATCHES "\\.cpp$" AND NOT family STREQUAL "table")  # tables: isa_guard_test.cpp
      needs(kernels/${isa}/${path} tests/kernels/${family}*_test.cpp "test of that stem")
    endif()
  endforeach()
endforeach()
file(GLOB files RELATIVE ${ROOT}/kernels ${ROOT}/kernels/*.cpp)
foreach(name IN LISTS files)
  string(REGEX MATCH "^[a-z0-9]+" family ${name})
  needs(kernels/${name} tests/kernels/${family}*_test.cpp "test of that stem")
endforeach()

if(NOT contracts OR NOT isas)
  complain("no kernel family found in ${ROOT}/kernels")
endif()
report("stems of kernel families")
