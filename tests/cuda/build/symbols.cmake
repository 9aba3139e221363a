# Only the backend's own library knows CUDA. -D NM=PROGRAM -D LIBRARIES=a;b
foreach(library ${LIBRARIES})
  execute_process(COMMAND ${NM} -D ${library} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  if(symbols MATCHES "[^\n]* (cuda|cublas|cusolver|__cuda)[A-Za-z]+[^\n]*")
    message(FATAL_ERROR "${library} has a symbol of CUDA: ${CMAKE_MATCH_0}")
  endif()
endforeach()
