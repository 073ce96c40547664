# complain(text) records a violation; report(what) prints all of them and fails the script if there are any.
function(complain text)
  set_property(GLOBAL APPEND_STRING PROPERTY complaints "  ${text}\n")
endfunction()

function(report what)
  get_property(complaints GLOBAL PROPERTY complaints)
  if(complaints)
    message(FATAL_ERROR "${what}:\n${complaints}")
  endif()
  message(STATUS "${what}: fine")
endfunction()

# For a check that can't run here. CTest shows it as skipped.
macro(skip reason)
  message(STATUS "[skipped] ${reason}")
  return()
endmacro()
