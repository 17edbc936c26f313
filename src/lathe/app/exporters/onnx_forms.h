#pragma once

#include "lathe/app/exporter.h"
#include "lathe/onnx/export.h"

namespace lathe::app {

/// Declares one of the forms of ONNX files.
Exporter onnx_form(const std::string& name, onnx::ExportForm form, const std::string& help);

}  // namespace lathe::app
