#include "lathe/app/exporters/onnx_forms.h"

namespace lathe::app {

Exporter onnx_exporter() { return onnx_form("onnx", onnx::ExportForm::kFloat, "float32"); }

}  // namespace lathe::app
