#include "lathe/config/nesting.h"

#include <cctype>
#include <vector>

namespace lathe::config {
namespace {

/// Walks a document and counts the levels at every place.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::optional<TextPlace> find() {
    while (at_ < text_.size()) {
      const std::size_t begin = at_;
      step();
      if (levels() > kMostLevels) return place_of(begin);
    }
    return std::nullopt;
  }

 private:
  int levels() const { return header_ + (inner_.empty() ? 0 : inner_.back()) + parts_; }

  void step() {
    const char c = text_[at_];
    if (c == '"' || c == '\'') return skip_string(c);
    if (c == '#') return skip_comment();
    ++at_;
    if (c == '\n') {
      end_line();
    } else if (c == '.') {
      parts_ += in_value_ ? 0 : 1;
    } else if (c == '=') {
      in_value_ = true;
    } else if (c == '[' || c == '{') {
      open(c);
    } else if (c == ']' || c == '}') {
      close();
    } else if (c == ',') {
      next_element();
    } else if (std::isspace(static_cast<unsigned char>(c)) == 0) {
      begin_key();
    }
  }

  // A line outside of brackets begins with a key or a header.
  void end_line() {
    if (in_header_ && inner_.empty()) header_ = parts_;
    in_header_ = false;
    if (!inner_.empty()) return;
    parts_ = 0;
    in_value_ = in_key_ = false;
  }

  void begin_key() {
    if (in_value_ || in_key_) return;
    in_key_ = true;
    ++parts_;
  }

  void open(char bracket) {
    if (!in_value_ && inner_.empty()) {  // a header: its parts come from here on
      if (!in_header_) header_ = parts_ = 0;
      in_header_ = true;
      in_key_ = false;
      return;
    }
    outer_parts_.push_back(parts_);
    is_table_.push_back(bracket == '{');
    inner_.push_back((inner_.empty() ? 0 : inner_.back()) + parts_ + 1);
    next_element();
  }

  void close() {
    if (inner_.empty()) return;
    parts_ = outer_parts_.back();
    outer_parts_.pop_back();
    is_table_.pop_back();
    inner_.pop_back();
    in_value_ = true;
  }

  // Behind a bracket or a comma stands a key in a table and a value in a list.
  void next_element() {
    if (inner_.empty()) return;
    parts_ = 0;
    in_key_ = false;
    in_value_ = !is_table_.back();
  }

  void skip_comment() {
    while (at_ < text_.size() && text_[at_] != '\n') ++at_;
  }

  void skip_string(char quote) {
    begin_key();
    const std::string_view rest = text_.substr(at_);
    const std::string_view triple = quote == '"' ? "\"\"\"" : "\'\'\'";
    const bool lines = rest.substr(0, 3) == triple;
    at_ += lines ? 3 : 1;
    while (at_ < text_.size()) {
      if (quote == '"' && text_[at_] == '\\') {
        at_ += 2;
        continue;
      }
      if (!lines && text_[at_] == '\n') return;
      if (lines ? text_.substr(at_, 3) == triple : text_[at_] == quote) {
        at_ += lines ? 3 : 1;
        return;
      }
      ++at_;
    }
  }

  TextPlace place_of(std::size_t offset) const {
    TextPlace place;
    for (std::size_t i = 0; i < offset; ++i) {
      place.column = text_[i] == '\n' ? 1 : place.column + 1;
      place.line += text_[i] == '\n' ? 1 : 0;
    }
    return place;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int header_ = 0;                // parts of the header above
  int parts_ = 0;                 // of the key at hand
  std::vector<int> inner_;        // levels within each open bracket, without the header's
  std::vector<int> outer_parts_;  // parts of the key before each open bracket
  std::vector<bool> is_table_;
  bool in_header_ = false, in_key_ = false, in_value_ = false;
};

}  // namespace

std::optional<TextPlace> find_too_deep(std::string_view text) { return Scanner(text).find(); }

}  // namespace lathe::config
