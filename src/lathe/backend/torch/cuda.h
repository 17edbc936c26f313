#pragma once

/// CUDA's part of libtorch, where this libtorch has one (LATHE_TORCH_CUDA, set by CMake). Included by the .cpp files
/// that need it and nothing else.
#ifdef LATHE_TORCH_CUDA
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#endif
