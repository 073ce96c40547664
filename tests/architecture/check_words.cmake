# cmake -D ROOT=... -P check_words.cmake: comments and documents do not use words that docs/glossary.md replaced. Checked
# are those without any other meaning; the glossary's table has all.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/report.cmake)

# Each pair: the words, and what the glossary has instead.
set(pairs
  "stated" "pre-quantized"
  "pictures?" "image"
  "[Ss]omebody|[Nn]obody" "the caller, the user, no other node"
  "scratch" "workspace"
  "seats?" "helper limit"
  "promises?" "guarantee"
  "law" "normative")

# complain_about(file lines): complains about each line that has a replaced word.
function(complain_about file lines)
  foreach(line IN LISTS lines)
    # Names of data and options stay.
    string(REGEX REPLACE "`[^`]*`|\"[^\"]*\"|--pictures" "" line "${line}")
    set(rest "${pairs}")
    while(rest)
      list(POP_FRONT rest old new)
      if(line MATCHES "(^|[^A-Za-z_])(${old})($|[^A-Za-z_])")
        complain("${file} uses '${CMAKE_MATCH_2}' (docs/glossary.md has: ${new}): ${line}")
      endif()
    endwhile()
  endforeach()
endfunction()

file(GLOB_RECURSE files RELATIVE ${ROOT} ${ROOT}/*.cpp ${ROOT}/*.h)
list(FILTER files EXCLUDE REGEX "^build")
set(any "stated|picture|omebody|obody|scratch|seat|promise|law|want")
foreach(file IN LISTS files)
  file(STRINGS ${ROOT}/${file} lines REGEX "//.*(${any})")
  list(TRANSFORM lines REPLACE ".*//" "")
  complain_about(${file} "${lines}")
endforeach()
file(GLOB documents RELATIVE ${ROOT} ${ROOT}/docs/*.md)
list(REMOVE_ITEM documents docs/glossary.md)
foreach(file IN LISTS documents)
  file(STRINGS ${ROOT}/${file} lines REGEX "(${any})")
  complain_about(${file} "${lines}")
endforeach()
list(LENGTH files count)
list(LENGTH documents more)
report("words of ${count} files and ${more} documents")
