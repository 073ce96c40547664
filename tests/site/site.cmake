# The documentation: its commands exist, those of the tutorial run as they stand, and the site that is made of it has no link that
# leads nowhere.
add_test(NAME "site: links" COMMAND ${CMAKE_CURRENT_LIST_DIR}/run.sh ${CMAKE_CURRENT_BINARY_DIR}/site)
set_tests_properties("site: links" PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600)
find_program(NARROW_PYTHON3 python3)
if(TARGET narrow_cli AND NARROW_BUILD_FULL AND NARROW_PYTHON3)
  add_test(NAME "site: commands in the documents exist"
    COMMAND ${NARROW_PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/check_commands.py $<TARGET_FILE:narrow_cli> ${PROJECT_SOURCE_DIR})
endif()
