#include "lathe/model/hls4ml.h"
#include "lathe/model/jsc.h"
#include "lathe/model/toy.h"
#include "lathe/model/zoo.h"

namespace lathe::model {

const std::vector<ZooEntry>& zoo() {
  static const std::vector<ZooEntry> entries = {
      {"jsc-toy", {}, "16-8-8-5 with batch norm and ReLU behind each layer", jsc_toy},
      {"jsc-tiny", {}, "one layer 16-5 between ReLUs, batch norm first", jsc_tiny},
      {"jsc-s", {"jsc-small"}, "16-64-32-32-32-5, LogicNets' JSC-S as MASE meant it", jsc_s},
      {"jsc-trt", {}, "16-32-48-16-5 with batch norm, ReLU and dropout", jsc_trt},
      {"jsc-three-linear-layers",
       {"jsc-three-linear", "jsc-d", "jsc-three-linear-layers-v2", "jsc-three-linear-v2"},
       "16-16-16-5 with ReLU behind each layer (layers at 2, 4, 6), the labs' network",
       jsc_three_linear},
      {"jsc-three-linear-layers-v1",
       {"jsc-three-linear-v1"},
       "16-16-16-5 without activations between the layers (layers at 2, 3, 4)",
       jsc_three_linear_v1},
      {"jsc-three-linear-layers-logits",
       {"jsc-three-linear-logits", "jsc-d-logits", "jsc-three-linear-layers-v2-logits"},
       "jsc-three-linear-layers without the ReLU on its logits, which caps accuracy",
       jsc_three_linear_logits},
      {"jsc-three-linear-layers-v1-logits",
       {"jsc-three-linear-v1-logits"},
       "jsc-three-linear-layers-v1 without the ReLU on its logits",
       jsc_three_linear_v1_logits},
      {"toy", {}, "features-8-8-classes with ReLU between", toy},
      {"hls4ml-jet",
       {"hls4ml", "hls4ml-jets", "hls4ml-3layer", "jet-hls4ml"},
       "16-64-32-32-5 with ReLU between, hls4ml's jet tagger",
       hls4ml_jet},
  };
  return entries;
}

}  // namespace lathe::model
