# Runs examples/python/classify.py on an image that is written here.
execute_process(COMMAND ${PYTHON} -c "import numpy" RESULT_VARIABLE missing OUTPUT_QUIET ERROR_QUIET)
if(NOT PYTHON OR missing)
  message("[skipped] Python with numpy is not there")
  return()
endif()
string(REPEAT "gray" 3072 pixels)  # 64 x 64 x 3 bytes
file(MAKE_DIRECTORY ${WORK})
file(WRITE ${WORK}/gray.ppm "P6\n64 64\n255\n${pixels}")
execute_process(COMMAND ${PYTHON} ${SOURCE}/examples/python/classify.py ${LIBRARY} ${SOURCE}/models/cifar10_resnet20b.nrw
  ${WORK}/gray.ppm OUTPUT_VARIABLE output RESULT_VARIABLE failed)
if(failed OR NOT output MATCHES "gray.ppm: [0-9.]+ % [a-z]+\n$")
  message(FATAL_ERROR "the example ended with ${failed}: ${output}")
endif()
