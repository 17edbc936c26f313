struct Hardtanh {
  static constexpr ir::ActivationText kText{
      .name = "hardtanh",
      .module = "Hardtanh",
      .description = "min(max(x, min_val), max_val)",
      .attributes = {{{.name = "min_val", .default_value = -1, .description = "lowest output", .below = "max_val"},
                      {.name = "max_val", .default_value = 1, .description = "highest output, above min_val"}}}};
  explicit Hardtanh(const double* numbers) : low(numbers[0]), high(numbers[1]) {}
  template <class T>
  T value(T x) const {
    return clamp(x, low, high);
  }
  template <class T>
  T gradient(T x, T dy) const {
    return pass_where((x > low) & (x < high), dy);
  }
  double low, high;
};
