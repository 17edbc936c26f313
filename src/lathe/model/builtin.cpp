#include "lathe/model/digits.h"
#include "lathe/model/hls4ml.h"
#include "lathe/model/jsc.h"
#include "lathe/model/mobilenet.h"
#include "lathe/model/resnet.h"
#include "lathe/model/toy.h"
#include "lathe/model/transformer.h"
#include "lathe/model/vgg.h"
#include "lathe/model/zoo.h"

namespace lathe::model {
namespace {

ModelRequest colour_image() { return {.input_shape = {3, 32, 32}, .classes = 10}; }
ModelRequest digit() { return {.input_shape = {1, 28, 28}, .classes = 10}; }
ModelRequest sentence() { return {.input_shape = {64}, .classes = 2, .vocabulary = 256}; }

}  // namespace

const Registry<ZooEntry>& zoo() {
  static const Registry<ZooEntry> registry(
      "model",
      {
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
          {"vgg7",
           {"vgg7-cifar", "vgg-7"},
           "six convolutions of 128 to 512 channels with batch norm, three linear layers, MASE's VGG7",
           vgg7,
           Rows::kImages,
           colour_image()},
          {"vgg7-tiny",
           {"vgg-tiny"},
           "three convolutions of 10, 10 and 8 channels, two linear layers",
           vgg7_tiny,
           Rows::kImages,
           colour_image()},
          {"resnet18",
           {"resnet-18", "resnet18-cifar"},
           "ResNet-18 for small images: 3x3 stem, no max pool, torchvision's names",
           resnet18,
           Rows::kImages,
           colour_image()},
          {"mobilenet-v2",
           {"mobilenetv2", "mobilenet-v2-cifar"},
           "MobileNetV2 for small images: two strides fewer, torchvision's names",
           mobilenet_v2,
           Rows::kImages,
           colour_image()},
          {"lenet", {"lenet5", "lenet-5"}, "LeNet-5 with ReLU and max pooling", lenet, Rows::kImages, digit()},
          {"lfc",
           {"lfc-finn"},
           "FINN's LFC: three linear layers of 1024 with batch norm, images flattened",
           lfc,
           Rows::kFeaturesOrImages,
           digit()},
          {"transformer-tiny",
           {"transformer"},
           "two blocks of 64 features and 4 heads, for sentences and language modelling",
           transformer_tiny,
           Rows::kTexts,
           sentence()},
          {"transformer-small",
           {},
           "four blocks of 128 features and 4 heads, for sentences and language modelling",
           transformer_small,
           Rows::kTexts,
           sentence()},
      },
      Spelling::kHyphens);
  return registry;
}

}  // namespace lathe::model
