# bench/mlperf with LoadGen, where LoadGen_DIR names it.
if(TARGET mlperf_bench)
  add_test(NAME "mlperf: each scenario ends and accuracy is that of evaluate"
    COMMAND ${CMAKE_CURRENT_LIST_DIR}/run.sh $<TARGET_FILE:mlperf_bench> $<TARGET_FILE:narrow_cli>)
  set_tests_properties("mlperf: each scenario ends and accuracy is that of evaluate" PROPERTIES TIMEOUT 600)
else()
  add_test(NAME "mlperf: each scenario ends and accuracy is that of evaluate"
    COMMAND ${CMAKE_COMMAND} -E echo "[skipped] LoadGen_DIR names no LoadGen of MLPerf Inference")
  set_tests_properties("mlperf: each scenario ends and accuracy is that of evaluate" PROPERTIES
    SKIP_REGULAR_EXPRESSION "\\[skipped\\]")
endif()
