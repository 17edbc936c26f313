struct Hardswish {
  static constexpr ir::ActivationText kText{.name = "hardswish",
                                            .module = "Hardswish",
                                            .description = "x * min(max(x + 3, 0), 6) / 6",
                                            .onnx = {.name = "HardSwish", .opset = 14}};
  template <class T>
  T value(T x) const {
    const T share = clamp(x + 3.0, 0.0, 6.0);
    if constexpr (T::kFused)
      return x * over(share, 6);
    else
      return over(x * share, 6);
  }
  template <class T>
  T gradient(T x, T dy) const {
    T slope = 0.0;
    if constexpr (T::kFused)
      slope = multiply_add(x, T(1.0 / 3), T(0.5));
    else
      slope = x / 3.0 + 0.5;
    return dy * select(x <= -3.0, 0.0, select(x < 3.0, slope, 1.0));
  }
};
