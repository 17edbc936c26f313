struct Relu {
  static constexpr ir::ActivationText kText{
      .name = "relu", .module = "ReLU", .description = "max(x, 0)", .onnx = {.name = "Relu"}, .unsigned_data_in = true};
  template <class T>
  T value(T x) const {
    return select(x <= 0.0, 0.0, x);
  }
  template <class T>
  T gradient(T x, T dy) const {
    return dy * select(x <= 0.0, 0.0, 1.0);
  }
};
