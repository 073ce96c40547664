# Run by cpack over the files of each package: the licence and the notices of what is compiled in, a list of changes, and
# compressed manual pages.
find_program(gzip gzip REQUIRED)

# What is in a binary although its package depends on no library of it: headers alone.
set(headers_of_full eigen3 protozero nlohmann-json3 stb)
set(headers_of_tools ${headers_of_full} cli11)
set(headers_of_runtime "")
set(headers_of_development "")

set(notice "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Narrow

Files: *
Copyright: Copyright (C) the Narrow contributors
License: Apache-2.0
 On Debian systems the text of the Apache License, version 2.0, is in /usr/share/common-licenses/Apache-2.0.
")
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)  # of SOURCE_DATE_EPOCH where that is set

foreach(component IN LISTS CPACK_COMPONENTS_ALL)
  string(TOUPPER ${component} upper)
  set(package ${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
  set(root "${CPACK_TEMPORARY_DIRECTORY}/${component}")
  set(documents "${root}/usr/share/doc/${package}")
  file(WRITE "${documents}/copyright" "${notice}")
  foreach(library IN LISTS headers_of_${component})
    set(theirs "/usr/share/doc/lib${library}-dev/copyright")
    if(library STREQUAL "nlohmann-json3")
      set(theirs "/usr/share/doc/${library}-dev/copyright")
    endif()
    if(NOT EXISTS "${theirs}")
      message(FATAL_ERROR "${theirs} is not there. ${package} has code of that library in it and has to keep its notice: "
        "install its Debian package with its documents.")
    endif()
    configure_file("${theirs}" "${documents}/notices/${library}" COPYONLY)
  endforeach()
  set(version ${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})
  file(WRITE "${documents}/changelog.Debian" "narrow (${version}) unstable; urgency=medium

  * Release ${CPACK_PACKAGE_VERSION}; CHANGELOG.md of its source has the changes.

 -- ${CPACK_PACKAGE_CONTACT}  ${date}
")
  file(GLOB_RECURSE pages "${root}/usr/share/man/*.1")
  execute_process(COMMAND "${gzip}" -9n "${documents}/changelog.Debian" ${pages} RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "gzip failed: ${code}")
  endif()
endforeach()
