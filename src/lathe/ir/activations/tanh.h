struct Tanh {
  static constexpr ir::ActivationText kText{
      .name = "tanh", .module = "Tanh", .description = "hyperbolic tangent", .onnx = {.name = "Tanh"}};
  bool reads_output() const { return true; }
  template <class T>
  T value(T x) const {
    return tanh(x);
  }
  template <class T>
  T gradient(T y, T dy) const {
    return dy * negative_multiply_add(y, y, 1.0);
  }
};
