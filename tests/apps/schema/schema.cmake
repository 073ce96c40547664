# The JSON documents of commands against the JSON Schemas in docs/.
set(commands classify)
if(NARROW_BUILD_FULL)
  list(APPEND commands inspect compare)
endif()
foreach(command IN LISTS commands)
  add_test(NAME "schema: ${command}" COMMAND ${CMAKE_CURRENT_LIST_DIR}/run.sh $<TARGET_FILE:narrow_cli> ${command})
  set_tests_properties("schema: ${command}" PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600 LABELS apps)
endforeach()
