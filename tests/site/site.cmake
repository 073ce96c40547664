# The documentation: its commands exist, those of the tutorial run as they stand, and the site that is made of it has no link that
# leads nowhere.
foreach(check IN ITEMS links browser)
  add_test(NAME "site: ${check}" COMMAND ${CMAKE_CURRENT_LIST_DIR}/run.sh ${CMAKE_CURRENT_BINARY_DIR}/site_${check}
    ${PROJECT_SOURCE_DIR}/build/report_page_test/node_modules ${check})
  set_tests_properties("site: ${check}" PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600)
endforeach()
find_program(NARROW_PYTHON3 python3)
if(TARGET narrow_cli AND NARROW_BUILD_FULL AND NARROW_PYTHON3)
  add_test(NAME "site: commands in the documents exist"
    COMMAND ${NARROW_PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/check_commands.py $<TARGET_FILE:narrow_cli> ${PROJECT_SOURCE_DIR})
  # What a sanitized build installs does not link without its flags.
  if(NOT NARROW_SANITIZE)
    foreach(document IN ITEMS tutorial recipes)
      add_test(NAME "site: the commands of the ${document} run as they stand" COMMAND ${CMAKE_CURRENT_LIST_DIR}/run_document.sh
        ${PROJECT_SOURCE_DIR}/docs/${document}.md ${PROJECT_BINARY_DIR} ${CMAKE_CURRENT_BINARY_DIR}/${document})
      set_tests_properties("site: the commands of the ${document} run as they stand" PROPERTIES SKIP_RETURN_CODE 77
        TIMEOUT 600)
    endforeach()
  endif()
endif()
