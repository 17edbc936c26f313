#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include "lathe/base/check.h"
#include "lathe/base/error.h"
#include "lathe/metric/metric.h"

namespace lathe::metric {
namespace {

struct Function {
  std::string_view name;
  char operation;
  int arguments;  ///< min and max take two or more: they are folded
};
constexpr std::array<Function, 6> kFunctions{
    {{"min", '<', 2}, {"max", '>', 2}, {"abs", 'a', 1}, {"log", 'l', 1}, {"exp", 'e', 1}, {"sqrt", 's', 1}}};

const Function* find_function(std::string_view name) {
  const auto found =
      std::find_if(kFunctions.begin(), kFunctions.end(), [&](const Function& f) { return f.name == name; });
  return found == kFunctions.end() ? nullptr : &*found;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

/// Reads by recursive descent and emits postfix: sum > product > sign > power > primary.
class ExpressionParser {
 public:
  explicit ExpressionParser(std::string_view text) : text_(text) {}

  Expression parse() {
    sum();
    if (peek() != '\0') fail(std::string("unexpected \"") + peek() + "\"");
    if (expression_.names_.empty()) fail("names no metric");
    return std::move(expression_);
  }

 private:
  using Instruction = Expression::Instruction;

  [[noreturn]] void fail(const std::string& what) const {
    throw UserError("formula \"" + std::string(text_) + "\", character " + std::to_string(position_ + 1) + ": " + what);
  }

  char peek() {
    while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\t')) ++position_;
    return position_ < text_.size() ? text_[position_] : '\0';
  }

  bool accept(char wanted) {
    if (peek() != wanted) return false;
    ++position_;
    return true;
  }

  void expect(char wanted) {
    if (!accept(wanted)) fail(std::string("expected \"") + wanted + "\"");
  }

  void emit(char operation) { expression_.program_.push_back(Instruction{operation, 0, 0}); }

  void sum() {
    if (++depth_ > 200) fail("too deeply nested");
    product();
    for (char operation = peek(); operation == '+' || operation == '-'; operation = peek()) {
      ++position_;
      product();
      emit(operation);
    }
    --depth_;
  }

  void product() {
    sign();
    for (char operation = peek(); operation == '*' || operation == '/'; operation = peek()) {
      ++position_;
      sign();
      emit(operation);
    }
  }

  void sign() {
    bool negative = false;
    while (peek() == '-' || peek() == '+') negative = (text_[position_++] == '-') != negative;
    power();
    if (negative) emit('~');
  }

  void power() {
    primary();
    if (!accept('^')) return;
    if (++depth_ > 200) fail("too deeply nested");
    sign();
    --depth_;
    emit('^');
  }

  void primary() {
    const char next = peek();
    if (accept('(')) {
      sum();
      expect(')');
    } else if (is_digit(next) || next == '.') {
      number();
    } else if (is_letter(next)) {
      name();
    } else {
      fail(next == '\0' ? "the formula ends too early" : std::string("unexpected \"") + next + "\"");
    }
  }

  void number() {
    double value = 0;
    const char* first = text_.data() + position_;
    const auto [end, error] = std::from_chars(first, text_.data() + text_.size(), value);
    if (error != std::errc()) fail("not a number");
    position_ += static_cast<std::size_t>(end - first);
    expression_.program_.push_back(Instruction{'n', value, 0});
  }

  void name() {
    const std::size_t start = position_;
    while (position_ < text_.size() && (is_letter(text_[position_]) || is_digit(text_[position_]))) ++position_;
    const std::string_view word = text_.substr(start, position_ - start);
    const Function* function = find_function(word);
    if (function != nullptr && peek() == '(') return call(*function);
    const MetricKind* kind = find_metric(word);
    if (kind == nullptr) {
      position_ = start;
      unknown(word);
    }
    variable(kind->name);
  }

  [[noreturn]] void unknown(std::string_view word) const {
    std::vector<std::string> known;
    for (const MetricKind& kind : metric_kinds()) known.push_back(kind.name);
    for (const Function& function : kFunctions) known.emplace_back(function.name);
    fail("unknown metric \"" + std::string(word) + "\"" + suggestion(word, known));
  }

  void variable(const std::string& name) {
    auto& names = expression_.names_;
    const auto found = std::find(names.begin(), names.end(), name);
    const auto index = static_cast<std::size_t>(found - names.begin());
    if (found == names.end()) names.push_back(name);
    expression_.program_.push_back(Instruction{'v', 0, index});
  }

  void call(const Function& function) {
    expect('(');
    sum();
    int arguments = 1;
    while (accept(',')) {
      sum();
      ++arguments;
      if (function.arguments == 2) emit(function.operation);
    }
    expect(')');
    if (function.arguments == 1 ? arguments != 1 : arguments < 2) {
      fail(std::string(function.name) +
           (function.arguments == 1 ? " takes one argument" : " takes two arguments or more"));
    }
    if (function.arguments == 1) emit(function.operation);
  }

  std::string_view text_;
  std::size_t position_ = 0;
  int depth_ = 0;
  Expression expression_;
};

namespace {

double apply_one(char operation, double x) {
  switch (operation) {
    case '~': return -x;
    case 'a': return std::abs(x);
    case 'l': return std::log(x);
    case 'e': return std::exp(x);
    case 's': return std::sqrt(x);
    default: throw InternalError("unknown operation in a formula");
  }
}

double apply_two(char operation, double x, double y) {
  switch (operation) {
    case '+': return x + y;
    case '-': return x - y;
    case '*': return x * y;
    case '/': return x / y;
    case '^': return std::pow(x, y);
    case '<': return std::min(x, y);
    case '>': return std::max(x, y);
    default: throw InternalError("unknown operation in a formula");
  }
}

bool takes_one(char operation) { return std::string_view("~ales").find(operation) != std::string_view::npos; }

}  // namespace

Expression Expression::parse(std::string_view text) {
  Expression expression = ExpressionParser(text).parse();
  expression.text_ = text;
  return expression;
}

double Expression::evaluate(const std::map<std::string, double>& values) const {
  std::vector<double> stack;
  for (const Instruction& instruction : program_) {
    if (instruction.operation == 'n') {
      stack.push_back(instruction.number);
    } else if (instruction.operation == 'v') {
      const auto found = values.find(names_[instruction.variable]);
      LATHE_CHECK(found != values.end(), "metric {} is missing", names_[instruction.variable]);
      stack.push_back(found->second);
    } else if (takes_one(instruction.operation)) {
      stack.back() = apply_one(instruction.operation, stack.back());
    } else {
      const double right = stack.back();
      stack.pop_back();
      stack.back() = apply_two(instruction.operation, stack.back(), right);
    }
  }
  LATHE_CHECK_EQ(stack.size(), 1u);
  return stack.back();
}

}  // namespace lathe::metric
