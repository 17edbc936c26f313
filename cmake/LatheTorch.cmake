# Decides whether the torch back end is built: sets LATHE_TORCH, and makes Libtorch::Libtorch where it is.
set(LATHE_WITH_TORCH AUTO CACHE STRING "Build the torch back end: AUTO (where libtorch is found), ON or OFF")
set_property(CACHE LATHE_WITH_TORCH PROPERTY STRINGS AUTO ON OFF)

# Sets `result` to why the libtorch that was found cannot be used; empty: it can. C++ objects go from one to the other:
# libtorch must have been built with the C++ library's present ABI.
function(lathe_torch_problem result)
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_LIBRARIES Libtorch::Libtorch)
  check_cxx_source_compiles("#include <c10/util/Exception.h>
    int main(int count, char** words) {
      if (count > 99) c10::detail::torchCheckFail(\"\", \"\", 0, std::string(words[0]));
      return 0;
    }" LATHE_TORCH_LINKS)
  if(LATHE_TORCH_LINKS)
    set(${result} "" PARENT_SCOPE)
  else()
    set(${result} "libtorch ${Libtorch_VERSION} does not link: perhaps it was built with the old C++ ABI (PyTorch's pip \
packages before 2.6 were; take the cxx11 ABI build of libtorch, or a newer one)" PARENT_SCOPE)
  endif()
endfunction()

set(LATHE_TORCH FALSE)
if(NOT LATHE_WITH_TORCH STREQUAL OFF)
  find_package(Libtorch 1.13 QUIET)
  set(problem "libtorch was not found (Debian: libtorch-dev; another one: CMAKE_PREFIX_PATH; see docs/gpu.md)")
  if(Libtorch_FOUND)
    lathe_torch_problem(problem)
  endif()
  if(problem AND LATHE_WITH_TORCH STREQUAL AUTO)
    message(STATUS "Back end torch: not built: ${problem}")
  elseif(problem)
    message(FATAL_ERROR "LATHE_WITH_TORCH=${LATHE_WITH_TORCH}: ${problem}")
  else()
    set(LATHE_TORCH TRUE)
    if(Libtorch_CUDA)
      set(devices "CUDA and processor")
    else()
      set(devices "processor only")
    endif()
    message(STATUS "Back end torch: libtorch ${Libtorch_VERSION} in ${Libtorch_INCLUDE_DIR} (${devices}) ${Libtorch_REASON}")
  endif()
endif()
