#include "lathe/metric/declare.h"

namespace lathe::metric {

MetricKind parameters_metric() {
  return analysis_metric<[](const Costs& costs, const TrialFacts&) { return costs.total.parameters; }>(
      "parameters", {"params", "num_params", "n_params", "total_params"}, "", "trainable values");
}

MetricKind model_size_metric() {
  return analysis_metric<[](const Costs& costs, const TrialFacts&) { return costs.quantized_model_bytes; }>(
      "model_size", {"size", "model_size_bytes"}, "byte", "trainable values in their number formats");
}

MetricKind model_size_float_metric() {
  return analysis_metric<[](const Costs& costs, const TrialFacts&) { return costs.model_bytes; }>(
      "model_size_float", {"float_model_size"}, "byte", "trainable values at four bytes each, the labs' model size");
}

MetricKind flops_metric() {
  return analysis_metric<[](const Costs& costs, const TrialFacts&) { return costs.total.flops; }>(
      "flops", {"flop", "computations"}, "", "operations of one batch in the labs' convention, a multiply-add is one");
}

MetricKind macs_metric() {
  return analysis_metric<[](const Costs& costs, const TrialFacts&) { return costs.total.macs; }>(
      "macs", {"mac"}, "", "multiply-accumulates of one batch");
}

MetricKind bitops_metric() {
  return analysis_metric<[](const Costs& costs, const TrialFacts&) { return costs.total.bitops; }>(
      "bitops", {"bops"}, "", "weight bits x activation bits x multiply-accumulates of one batch");
}

MetricKind bitops_lab_metric() {
  return analysis_metric<[](const Costs& costs, const TrialFacts&) { return costs.total.lab_bitops; }>(
      "bitops_lab", {"lab_bitops", "bitops_flat"}, "", "flops x 32 whatever the formats are, the labs' convention");
}

MetricKind average_bitwidth_metric() {
  return analysis_metric<[](const Costs& costs, const TrialFacts&) { return costs.average_bitwidth; }>(
      "average_bitwidth", {"avg_bitwidth", "average_bits", "avg_bits", "bitwidth"}, "bit",
      "mean bits per weight of the quantised layers, 32 when there is none (MASE's definition)");
}

MetricKind average_weight_bits_metric() {
  return analysis_metric<[](const Costs& costs, const TrialFacts&) { return costs.average_weight_bits; }>(
      "average_weight_bits", {}, "bit", "mean bits per weight of all layers");
}

MetricKind average_bias_bits_metric() {
  return analysis_metric<[](const Costs& costs, const TrialFacts&) { return costs.average_bias_bits; }>(
      "average_bias_bits", {}, "bit", "mean bits per bias of all layers");
}

MetricKind average_activation_bits_metric() {
  return analysis_metric<[](const Costs& costs, const TrialFacts&) { return costs.average_activation_bits; }>(
      "average_activation_bits", {"average_bitwidth_activations"}, "bit", "mean bits per value that the layers read");
}

MetricKind memory_density_metric() {
  return analysis_metric<[](const Costs& costs, const TrialFacts& facts) {
    return costs.memory_density(facts.compare_to_bits);
  }>("memory_density", {}, "", "compare_to / average_bitwidth", true);
}

}  // namespace lathe::metric
