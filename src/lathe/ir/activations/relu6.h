struct Relu6 {
  static constexpr ir::ActivationText kText{.name = "relu6", .module = "ReLU6", .description = "min(max(x, 0), 6)"};
  template <class T>
  T value(T x) const {
    return clamp(x, 0.0, 6.0);
  }
  template <class T>
  T gradient(T x, T dy) const {
    return pass_where((x > 0.0) & (x < 6.0), dy);
  }
};
