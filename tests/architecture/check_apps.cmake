# cmake -D ROOT=... -P check_apps.cmake: rules of the command's own. A library whose headers take seconds to compile is
# known to one file of a folder, and what happened to a network is told by an event's kind and subject: no code looks
# for words in its text.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/report.cmake)

file(GLOB_RECURSE sources RELATIVE ${ROOT} ${ROOT}/apps/*.h ${ROOT}/apps/*.cpp)

# once(header): at most one file of each folder of apps/ includes it, and no header does.
function(once header)
  set(folders "")
  foreach(path IN LISTS sources)
    file(STRINGS ${ROOT}/${path} lines REGEX "include[ \t]*<${header}")
    if(NOT lines)
      continue()
    endif()
    get_filename_component(folder ${path} DIRECTORY)
    if(path MATCHES "\\.h$")
      complain("${path} includes <${header}>: headers must not, because every file that includes them pays for it")
    elseif(folder IN_LIST folders)
      complain("${path} includes <${header}>: another file of ${folder}/ does already, and each takes seconds to compile")
    endif()
    list(APPEND folders ${folder})
  endforeach()
endfunction()
once("CLI/")
once("nlohmann/")

foreach(path IN LISTS sources)
  file(STRINGS ${ROOT}/${path} lines REGEX "[Ee]vent[A-Za-z_]*(\\[[^]]*\\])?(\\.|->)text *(\\.|\\[|==|!=)")
  foreach(line IN LISTS lines)
    complain("${path} looks into the text of an event, which is for people; ask its kind or subject: ${line}")
  endforeach()
endforeach()
report("the command's headers and events")
