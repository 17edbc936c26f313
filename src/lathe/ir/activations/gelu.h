/// Hendrycks & Gimpel 2016 (arXiv:1606.08415), section 2. As vectors have it, the tanh form is x logistic(2 u) with
/// u = sqrt(2 / pi) (x + 0.044715 x^3).
struct Gelu {
  static constexpr ir::ActivationText kText{
      .name = "gelu",
      .module = "GELU",
      .description = "x * Phi(x), Phi the normal distribution function",
      .attributes = {{{.name = "approximate",
                       .description = "`none`: exact, with erf; `tanh`: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))",
                       .choices = {"none", "tanh"}}}}};
  static constexpr double kScale = 0.79788456080286535588, kCubic = 0.044715;  // sqrt(2 / pi)
  static constexpr double kTwiceScale = 1.595769122, kRootOfTwoPi = 2.5066282746310002;
  explicit Gelu(const double* numbers) : is_tanh_form(numbers[0] != 0) {}
  template <class T>
  static T inner(T x) {
    return kScale * (x + kCubic * x * x * x);
  }
  template <class T>
  static T gate(T x) {
    return logistic((x * kTwiceScale) * multiply_add(x * x, T(kCubic), T(1.0)));
  }
  template <class T>
  static T tanh_value(T x) {
    if constexpr (T::kFused)
      return x * gate(x);
    else
      return 0.5 * x * (1.0 + tanh(inner(x)));
  }
  template <class T>
  static T tanh_slope(T x) {
    if constexpr (T::kFused) {
      const T open = gate(x), near = clamp(x, -100.0, 100.0);  // beyond, the gate is 0 or 1
      const T steepness = (near * kTwiceScale) * multiply_add(near * near, T(3 * 0.044715f), T(1.0));
      return multiply_add(steepness, logistic_slope(open), open);
    } else {
      const T tangent = tanh(inner(x)), steepness = kScale * (1.0 + 3 * kCubic * x * x);
      return 0.5 * (1.0 + tangent) + 0.5 * x * (1.0 - tangent * tangent) * steepness;
    }
  }
  template <class T>
  T value(T x) const {
    return is_tanh_form ? tanh_value(x) : x * normal_distribution(x);
  }
  template <class T>
  T gradient(T x, T dy) const {
    if (is_tanh_form) return dy * tanh_slope(x);
    if constexpr (T::kFused)
      return dy * multiply_add(x * 0.3989422804, normal_bell(x), normal_distribution(x));
    else
      return dy * (normal_distribution(x) + x * (normal_bell(x) / kRootOfTwoPi));
  }
  bool is_tanh_form;
};
