struct Silu {
  static constexpr ir::ActivationText kText{.name = "silu", .module = "SiLU", .description = "x / (1 + exp(-x))"};
  template <class T>
  T value(T x) const {
    return x * logistic(x);
  }
  template <class T>
  T gradient(T x, T dy) const {
    const T share = logistic(x);
    if constexpr (T::kFused)
      return dy * multiply_add(x, logistic_slope(share), share);
    else
      return dy * (share * (1.0 + x * logistic(-x)));
  }
};
