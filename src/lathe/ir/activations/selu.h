/// Klambauer et al. 2017 (arXiv:1706.02515), section 2: the fixed point of mean 0 and variance 1.
struct Selu {
  static constexpr ir::ActivationText kText{
      .name = "selu",
      .module = "SELU",
      .description = "1.0507... * (x for x > 0, else 1.6732... * (exp(x) - 1)), Klambauer et al. 2017",
      .onnx = {.name = "Selu"}};
  static constexpr double kAlpha = 1.6732632423543772848170429916717, kScale = 1.0507009873554804934193349852946;
  template <class T>
  T value(T x) const {
    return kScale * select(x > 0.0, x, kAlpha * expm1_non_positive(min(x, 0.0)));
  }
  template <class T>
  T gradient(T x, T dy) const {
    return dy * (kScale * select(x > 0.0, 1.0, kAlpha * exp_non_positive(min(x, 0.0))));
  }
};
