# Finds libtorch by its headers and libraries. PyTorch's own TorchConfig.cmake is not asked: it ends the configuration where
# a package that it was built with is missing, and for CUDA it wants a CUDA compiler, which lathe does not need.
#
# Searched: CMAKE_PREFIX_PATH and Torch_ROOT (the folder of an unpacked libtorch, `site-packages/torch` of a Python, or what
# `python3 -c 'import torch; print(torch.utils.cmake_prefix_path)'` prints), then the system (Debian's libtorch-dev).
#
# Gives Libtorch_FOUND, Libtorch_VERSION, Libtorch_CUDA and the target Libtorch::Libtorch, which defines LATHE_TORCH_CUDA
# where the library runs on CUDA and CUDA's headers are found (CUDAToolkit_ROOT, CUDA_HOME, /usr/local/cuda, or the pip
# packages beside torch). Libtorch_REASON says why something was not found.
set(Libtorch_REASON "")
set(hints "")
foreach(prefix ${CMAKE_PREFIX_PATH} $ENV{CMAKE_PREFIX_PATH} ${Torch_ROOT} $ENV{Torch_ROOT})
  get_filename_component(above "${prefix}/../.." ABSOLUTE)  # prefix/share/cmake -> prefix
  list(APPEND hints ${prefix} ${above})
endforeach()
find_path(Libtorch_INCLUDE_DIR ATen/ATen.h HINTS ${hints} PATH_SUFFIXES include)
find_path(Libtorch_API_DIR torch/version.h HINTS ${Libtorch_INCLUDE_DIR}/torch/csrc/api/include NO_DEFAULT_PATH)
get_filename_component(prefix "${Libtorch_INCLUDE_DIR}/.." ABSOLUTE)
foreach(library torch torch_cpu c10 torch_cuda c10_cuda)
  find_library(Libtorch_${library}_LIBRARY ${library} HINTS ${prefix}/lib)
  mark_as_advanced(Libtorch_${library}_LIBRARY)
endforeach()
if(Libtorch_API_DIR)
  file(STRINGS ${Libtorch_API_DIR}/torch/version.h lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
  string(REGEX REPLACE "[^0-9;]" "" numbers "${lines}")
  string(REPLACE ";" "." Libtorch_VERSION "${numbers}")
endif()

set(Libtorch_CUDA FALSE)
if(Libtorch_torch_cuda_LIBRARY AND Libtorch_c10_cuda_LIBRARY)
  file(GLOB pip_cuda ${prefix}/../nvidia/cuda_runtime ${prefix}/../nvidia/cu[0-9]*)
  set(cuda_hints ${CUDAToolkit_ROOT} $ENV{CUDAToolkit_ROOT} $ENV{CUDA_HOME} /usr/local/cuda ${pip_cuda})
  find_path(Libtorch_CUDA_INCLUDE_DIR cuda_runtime_api.h HINTS ${cuda_hints} PATH_SUFFIXES include)
  find_library(Libtorch_CUDART_LIBRARY NAMES cudart libcudart.so.13 libcudart.so.12 libcudart.so.11.0 HINTS ${cuda_hints}
    PATH_SUFFIXES lib64 lib)
  mark_as_advanced(Libtorch_CUDA_INCLUDE_DIR Libtorch_CUDART_LIBRARY)
  if(Libtorch_CUDA_INCLUDE_DIR AND Libtorch_CUDART_LIBRARY)
    set(Libtorch_CUDA TRUE)
  else()
    set(Libtorch_REASON "libtorch has CUDA, but cuda_runtime_api.h or libcudart was not found (set CUDAToolkit_ROOT)")
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Libtorch
  REQUIRED_VARS Libtorch_torch_LIBRARY Libtorch_torch_cpu_LIBRARY Libtorch_c10_LIBRARY Libtorch_INCLUDE_DIR Libtorch_API_DIR
  VERSION_VAR Libtorch_VERSION)
mark_as_advanced(Libtorch_INCLUDE_DIR Libtorch_API_DIR)

if(Libtorch_FOUND AND NOT TARGET Libtorch::Libtorch)
  add_library(Libtorch::Libtorch INTERFACE IMPORTED)
  target_include_directories(Libtorch::Libtorch INTERFACE ${Libtorch_INCLUDE_DIR} ${Libtorch_API_DIR})
  target_link_libraries(Libtorch::Libtorch INTERFACE ${Libtorch_torch_LIBRARY} ${Libtorch_torch_cpu_LIBRARY}
    ${Libtorch_c10_LIBRARY})
  if(Libtorch_CUDA)
    # Nothing calls into torch_cuda by name; it registers its kernels when it is loaded.
    target_include_directories(Libtorch::Libtorch INTERFACE ${Libtorch_CUDA_INCLUDE_DIR})
    target_link_libraries(Libtorch::Libtorch INTERFACE -Wl,--push-state,--no-as-needed ${Libtorch_torch_cuda_LIBRARY}
      ${Libtorch_c10_cuda_LIBRARY} -Wl,--pop-state ${Libtorch_CUDART_LIBRARY})
    target_compile_definitions(Libtorch::Libtorch INTERFACE LATHE_TORCH_CUDA)
  endif()
endif()
