# The report of a network made on the spot: its JSON document against the schema, and its page in a browser.
set(NARROW_PAGE_TEST_MODULES "${PROJECT_SOURCE_DIR}/build/report_page_test/node_modules" CACHE PATH
  "The folder node_modules that npm ci makes of tests/apps/report_page/package-lock.json")
if(NARROW_BUILD_FULL)
  foreach(check IN ITEMS schema page sweep)
    add_test(NAME "report: ${check}" COMMAND ${CMAKE_CURRENT_LIST_DIR}/run.sh $<TARGET_FILE:narrow_cli>
      ${NARROW_PAGE_TEST_MODULES} ${check})
    set_tests_properties("report: ${check}" PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600 LABELS apps)
  endforeach()
endif()
