#include "lathe/app/exporters/onnx_forms.h"

#include <fmt/format.h>

#include "lathe/base/error.h"
#include "lathe/onnx/import.h"

namespace lathe::app {
namespace {

constexpr const char* kWith = "with-preprocessing";
constexpr const char* kWithout = "without-preprocessing";

// Decides whether a file takes raw rows.
bool takes_raw_rows(const OutgoingNetwork& network, bool by_default) {
  const bool with = network.options.contains(kWith), without = network.options.contains(kWithout);
  if (with && without) throw UserError("--with-preprocessing", "contradicts --without-preprocessing; give one of them");
  if (with && !network.preprocessing)
    throw UserError("--with-preprocessing",
                    fmt::format("{} does not say how its rows were scaled (another program or an earlier lathe wrote "
                                "it); weights that this lathe trains do",
                                network.weights));
  return network.preprocessing && !without && (with || by_default);
}

ReadNetwork read_back(const std::filesystem::path& path) {
  onnx::ImportedModel model = onnx::import_onnx(path);
  return {std::move(model.graph), std::move(model.state), std::move(model.preprocessing)};
}

}  // namespace

Exporter onnx_form(const std::string& name, onnx::ExportForm form, const std::string& help) {
  const bool raw_by_default = form != onnx::ExportForm::kQonnx;  // hardware tools want the integer network alone
  return {.name = name,
          .suffix = ".onnx",
          .help = help,
          .options = {{.name = kWith,
                       .value_name = "",
                       .help = "the file takes raw rows: scaling is part of it",
                       .by_default = raw_by_default},
                      {.name = kWithout,
                       .value_name = "",
                       .help = "the file begins behind the scaling, which is in its metadata alone",
                       .by_default = !raw_by_default}},
          .check = onnx::check_ops,
          .write =
              [=](const OutgoingNetwork& network, const std::filesystem::path& path) {
                const bool raw = takes_raw_rows(network, raw_by_default);
                onnx::export_onnx(network.graph, network.state, path,
                                  {.form = form, .preprocessing = network.preprocessing, .raw_rows = raw});
                return raw;
              },
          .scaling_place = "the numbers are in its metadata, lathe.preprocessing",
          .read = read_back};
}

}  // namespace lathe::app
