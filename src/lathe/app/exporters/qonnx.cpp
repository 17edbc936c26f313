#include "lathe/app/exporters/onnx_forms.h"

namespace lathe::app {

Exporter qonnx_exporter() { return onnx_form("qonnx", onnx::ExportForm::kQonnx, "number formats as Quant nodes"); }

}  // namespace lathe::app
