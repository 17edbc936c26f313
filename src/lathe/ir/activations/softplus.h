struct Softplus {
  static constexpr ir::ActivationText kText{
      .name = "softplus",
      .module = "Softplus",
      .description = "log(1 + exp(beta * x)) / beta, x itself where beta * x > threshold",
      .attributes = {{{.name = "beta", .default_value = 1, .description = "steepness, above 0", .above = 0},
                      {.name = "threshold", .default_value = 20, .description = "from which on the output is x"}}},
      .onnx = {.name = "Softplus"}};
  explicit Softplus(const double* numbers) : beta(numbers[0]), threshold(numbers[1]) {}
  template <class T>
  T value(T x) const {
    const T scaled = beta * x;
    const T bent = over(max(scaled, 0.0) + log1p(exp_non_positive(-abs(scaled))), beta);
    return select(scaled > threshold, x, bent);
  }
  template <class T>
  T gradient(T x, T dy) const {
    const T scaled = beta * x;
    return select(scaled > threshold, dy, dy * logistic(scaled));
  }
  double beta, threshold;
};
