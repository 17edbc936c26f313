#include "lathe/app/exporters/onnx_forms.h"

namespace lathe::app {

Exporter qdq_exporter() { return onnx_form("qdq", onnx::ExportForm::kQdq, "int8 and uint8"); }

}  // namespace lathe::app
