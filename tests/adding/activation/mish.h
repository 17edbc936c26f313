/// Misra 2019 (arXiv:1908.08681).
struct Mish {
  static constexpr ir::ActivationText kText{
      .name = "mish", .module = "Mish", .description = "x * tanh(log(1 + exp(x)))"};
  template <class T>
  static T softplus(T x) {
    return max(x, 0.0) + log1p(exp_non_positive(-abs(x)));
  }
  template <class T>
  T value(T x) const {
    return x * tanh(softplus(x));
  }
  template <class T>
  T gradient(T x, T dy) const {
    const T bent = tanh(softplus(x));
    return dy * multiply_add(x * logistic(x), 1.0 - bent * bent, bent);
  }
};
