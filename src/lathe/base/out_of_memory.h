#pragma once

#include <memory>
#include <new>
#include <string>
#include <utility>

namespace lathe {

/// Reports memory of a device or of the machine that could not be had, with what asked for it and how much there was.
/// A std::bad_alloc: whoever runs trials takes it for a failed trial and goes on.
class OutOfMemory : public std::bad_alloc {
 public:
  explicit OutOfMemory(std::string text) : text_(std::make_shared<const std::string>(std::move(text))) {}
  const char* what() const noexcept override { return text_->c_str(); }

 private:
  std::shared_ptr<const std::string> text_;  // shared: copies of exceptions must not throw
};

}  // namespace lathe
