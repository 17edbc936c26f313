struct Sigmoid {
  static constexpr ir::ActivationText kText{
      .name = "sigmoid", .module = "Sigmoid", .description = "1 / (1 + exp(-x))", .onnx = {.name = "Sigmoid"}};
  bool reads_output() const { return true; }
  template <class T>
  T value(T x) const {
    const T tail = exp_non_positive(-abs(x));
    return select(x < 0.0, tail / (1.0 + tail), 1.0 / (1.0 + tail));
  }
  template <class T>
  T gradient(T y, T dy) const {
    return dy * logistic_slope(y);
  }
};
