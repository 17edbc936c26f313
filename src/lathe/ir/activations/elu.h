struct Elu {
  static constexpr ir::ActivationText kText{
      .name = "elu",
      .module = "ELU",
      .description = "x for x > 0, else alpha * (exp(x) - 1)",
      .attributes = {{{.name = "alpha", .default_value = 1, .description = "minus the limit for low x"}}},
      .onnx = {.name = "Elu", .attribute = "alpha", .default_value = 1}};
  explicit Elu(const double* numbers) : alpha(numbers[0]) {}
  template <class T>
  T value(T x) const {
    return select(x > 0.0, x, alpha * expm1_non_positive(min(x, 0.0)));
  }
  template <class T>
  T gradient(T x, T dy) const {
    return dy * select(x > 0.0, 1.0, alpha * exp_non_positive(min(x, 0.0)));
  }
  double alpha;
};
