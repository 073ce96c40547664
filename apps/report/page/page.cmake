# The parts of the page of `narrow report`, for report/page_files.S. The library that draws charts, a few modules of D3, is
# no part of the repository: ./dev build fetches it with npm, in the versions of package-lock.json. Where it is not there,
# the command is built without, and says so when it is to write a page (docs/decisions/0027-the-page-of-a-report.md).
set(NARROW_PAGE_MODULES "${PROJECT_SOURCE_DIR}/build/report_page/node_modules" CACHE PATH
  "The folder node_modules that npm ci makes of apps/report/page/package-lock.json")

set(page ${CMAKE_CURRENT_LIST_DIR})
# Each module adds to the object d3 and requires those before it.
set(page_modules d3-array d3-color d3-format d3-interpolate d3-time d3-time-format d3-scale d3-path d3-shape d3-selection
  d3-axis)
file(GLOB page_found CONFIGURE_DEPENDS ${NARROW_PAGE_MODULES}/d3-*/dist/d3-*.min.js)
set(page_charts "")
set(page_licence "")
foreach(module IN LISTS page_modules)
  set(script ${NARROW_PAGE_MODULES}/${module}/dist/${module}.min.js)
  set(licence ${NARROW_PAGE_MODULES}/${module}/LICENSE)
  if(NOT script IN_LIST page_found OR NOT EXISTS ${licence})
    set(page_charts "")
    set(page_licence "")
    message(STATUS "narrow report writes no pages: ${module} is not in ${NARROW_PAGE_MODULES} (./dev build fetches it)")
    break()
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${script} ${licence})
  file(READ ${script} text)
  string(APPEND page_charts "${text}\n")
  file(READ ${licence} text)
  string(APPEND page_licence "${module}\n\n${text}\n")
endforeach()
foreach(part IN ITEMS charts.js licence.txt)
  set(text "${page_charts}")
  if(part STREQUAL "licence.txt")
    set(text "${page_licence}")
  endif()
  set(written "")
  if(EXISTS ${CMAKE_CURRENT_BINARY_DIR}/page/${part})
    file(READ ${CMAKE_CURRENT_BINARY_DIR}/page/${part} written)
  endif()
  if(NOT EXISTS ${CMAKE_CURRENT_BINARY_DIR}/page/${part} OR NOT written STREQUAL text)
    file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/page/${part} "${text}")
  endif()
endforeach()

set(page_parts HTML=${page}/report.html CSS=${page}/report.css JS=${page}/report.js
  CHARTS=${CMAKE_CURRENT_BINARY_DIR}/page/charts.js LICENCE=${CMAKE_CURRENT_BINARY_DIR}/page/licence.txt)
foreach(part IN LISTS page_parts)
  string(REGEX MATCH "^([A-Z]+)=(.*)$" matched ${part})
  set_property(SOURCE report/page_files.S APPEND PROPERTY COMPILE_DEFINITIONS "NARROW_PAGE_${CMAKE_MATCH_1}=\"${CMAKE_MATCH_2}\"")
  set_property(SOURCE report/page_files.S APPEND PROPERTY OBJECT_DEPENDS ${CMAKE_MATCH_2})
endforeach()
