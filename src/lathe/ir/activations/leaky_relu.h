struct LeakyRelu {
  static constexpr ir::ActivationText kText{
      .name = "leaky_relu",
      .module = "LeakyReLU",
      .description = "x for x > 0, else negative_slope * x",
      .attributes = {{{.name = "negative_slope", .default_value = 0.01, .description = "slope below zero"}}},
      .onnx = {.name = "LeakyRelu", .attribute = "alpha", .default_value = 0.01f}};
  explicit LeakyRelu(const double* numbers) : slope(numbers[0]) {}
  /// Above 0, the slope leaves the sign of x to the output.
  bool reads_output() const { return slope > 0; }
  template <class T>
  T value(T x) const {
    return select(x > 0.0, x, x * slope);
  }
  template <class T>
  T gradient(T at, T dy) const {
    return select(at > 0.0, dy, dy * slope);
  }
  double slope;
};
