#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "lathe/checkpoint/safetensors.h"

/// PyTorch's own files, read without PyTorch. Format: torch/serialization.py and torch/_utils.py of PyTorch.
namespace lathe::checkpoint {

/// Holds the members of a PyTorch zip file by their names inside its one folder: `data.pkl`, `data/0`, `byteorder`.
using TorchMembers = std::map<std::string, std::vector<std::byte>>;

/// Reads the tensors of a file of torch.save (since 1.6; .pt, .pth, .ckpt): of the dict `state_dict`,
/// `model_state_dict` or `model` where the file holds a dict with one, else of the dict itself; what is no tensor there
/// is left out. Where all names begin with `model.`, and in Lightning's checkpoints, that prefix is taken away and
/// other names are left out. Views, shared storages and either byte order are read; the result is row-major, and says
/// which tensors begin at the same value of the same storage (tied parameters). Nothing in
/// the file is executed: beside plain values, ordered dicts, tensors and parameters any object is refused by its class.
/// What the file claims cannot exhaust memory: members must be stored, tensors may hold kMostCopies times the file at
/// most. Throws DataError naming what is wrong, with the command that converts the file where PyTorch could read it.
std::vector<StoredTensor> read_torch_file(std::span<const std::byte> bytes, const std::string& path);

/// Reads the same from members that are already there.
std::vector<StoredTensor> read_torch_members(const TorchMembers& members, const std::string& path);

/// How many times the bytes of a file its tensors may hold, which share storages.
inline constexpr std::uint64_t kMostCopies = 8;

}  // namespace lathe::checkpoint
