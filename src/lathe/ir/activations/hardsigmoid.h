struct Hardsigmoid {
  static constexpr ir::ActivationText kText{
      .name = "hardsigmoid", .module = "Hardsigmoid", .description = "min(max(x + 3, 0), 6) / 6"};
  template <class T>
  T value(T x) const {
    return over(clamp(x + 3.0, 0.0, 6.0), 6);
  }
  template <class T>
  T gradient(T x, T dy) const {
    return pass_where((x > -3.0) & (x < 3.0), dy * (1.0 / 6));
  }
};
