# lathe_add_module(NAME ir SOURCES ... ENTRIES ... HEADERS ... PUBLIC ... PRIVATE ...)
#
# One static library per module, alias lathe::NAME. PUBLIC lists what the headers of the module include,
# PRIVATE what only its sources include. tests/install checks that modules include downwards only.
# ENTRIES names folders whose sources need no line here: those where what is added is one file and one line of a
# list (builtin.def). `.` is the module's own folder.
function(lathe_add_module)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;ENTRIES;HEADERS;PUBLIC;PRIVATE" ${ARGN})
  set(target lathe_${ARG_NAME})
  foreach(folder ${ARG_ENTRIES})
    file(GLOB entries CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
    list(APPEND ARG_SOURCES ${entries})
  endforeach()
  add_library(${target} STATIC ${ARG_SOURCES})
  add_library(lathe::${ARG_NAME} ALIAS ${target})
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/src FILES ${ARG_HEADERS})
  target_link_libraries(${target} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
  target_compile_features(${target} PUBLIC cxx_std_20)
  lathe_compile_options(${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${ARG_NAME})
  install(TARGETS ${target} EXPORT lathe-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endfunction()

# Sets the warnings, and forbids the compiler to fuse multiply and add on its own: results must not
# depend on the optimiser's mood. Kernels that want a fused multiply-add ask for it by name.
function(lathe_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
    -Woverloaded-virtual -ffp-contract=off)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(${target} PRIVATE -Wno-restrict)  # false alarms on "text" + string (GCC bug 105329)
  endif()
  if(LATHE_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
