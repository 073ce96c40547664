# torchvision.NAME: every network of torchvision, made by PyTorch with random weights, imported and quantized.
# Not under sanitizers: hundreds of MB each, and nothing that the other tests do not reach.
if(TARGET narrow_pipeline AND NOT NARROW_SANITIZE)
  find_package(nlohmann_json REQUIRED)
  add_executable(torchvision_check ${CMAKE_CURRENT_LIST_DIR}/check_model.cpp)
  target_link_libraries(torchvision_check PRIVATE narrow_pipeline narrow_build_flags nlohmann_json::nlohmann_json)
  target_include_directories(torchvision_check PRIVATE ${PROJECT_SOURCE_DIR})
  # The names are where make_model.py has them: lines of `SIZES`, "    "name": size,".
  file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/networks.py network_lines REGEX "^    \"[a-z0-9_]+\": [0-9]+,$")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/networks.py)
  foreach(line IN LISTS network_lines)
    string(REGEX REPLACE "^    \"([a-z0-9_]+)\".*" "\\1" network "${line}")
    add_test(NAME torchvision.${network}
      COMMAND ${CMAKE_CURRENT_LIST_DIR}/run.sh $<TARGET_FILE:torchvision_check> ${network})
    set_tests_properties(torchvision.${network} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 1200 LABELS torchvision)
    if(network MATCHES "^(vgg|alexnet)")
      # Several GB of memory and half a GB of disk: one at a time.
      set_tests_properties(torchvision.${network} PROPERTIES RESOURCE_LOCK torchvision_large)
    endif()
  endforeach()
endif()
