# The JSON documents of commands against the JSON Schemas in docs/schemas/.
set(commands all classify embed bundle embed-source pack)
if(NARROW_BUILD_FULL)
  list(APPEND commands evaluate bench inspect compare quantize convert sweep trace architectures operators)
endif()
foreach(command IN LISTS commands)
  add_test(NAME "schema: ${command}" COMMAND ${CMAKE_CURRENT_LIST_DIR}/run.sh $<TARGET_FILE:narrow_cli> ${command})
  set_tests_properties("schema: ${command}" PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600 LABELS apps)
endforeach()
