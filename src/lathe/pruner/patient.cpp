#include <algorithm>
#include <cmath>

#include "lathe/pruner/options.h"
#include "lathe/pruner/pruner.h"

namespace lathe::pruner {
namespace {

struct PatientOptions {
  std::optional<config::Value> wrapped;
  std::int64_t patience = 3;
  double min_delta = 0;
};

const std::vector<config::Field<PatientOptions>>& patient_fields() {
  using config::field;
  static const std::vector<config::Field<PatientOptions>> fields{
      {"wrapped", "string or table", "a pruner of one objective",
       "who decides then: a name, or a table of name and options; by default the trial ends",
       [](PatientOptions& out, const config::Value& value) { out.wrapped = value; },
       [](const PatientOptions& in) { return in.wrapped ? in.wrapped->to_toml() : std::string("\"none\""); }},
      field("patience", &PatientOptions::patience, "reports without an improvement that are borne",
            config::between(0, 1e9)),
      field("min_delta", &PatientOptions::min_delta, "what counts as a decline", config::at_least(0)),
  };
  return fields;
}

class Patient : public Pruner {
 public:
  Patient(const PatientOptions& options, std::unique_ptr<Pruner> wrapped, Direction direction)
      : patience_(static_cast<std::size_t>(options.patience)),
        min_delta_(options.min_delta),
        wrapped_(std::move(wrapped)),
        sign_(sign_of(direction)) {}

  bool prune(std::int64_t number, std::span<const Report> own, std::span<const FinishedTrial> history) const override {
    if (own.size() <= patience_ + 1) return false;
    const std::size_t before = own.size() - patience_ - 1;
    if (!(best_of(own.first(before)) - min_delta_ > best_of(own.subspan(before)))) return false;
    return wrapped_ == nullptr || wrapped_->prune(number, own, history);
  }

 private:
  // Returns the largest of sign * value; NaN when all are NaN.
  double best_of(std::span<const Report> reports) const {
    double best = std::nan("");
    for (const Report& report : reports) best = std::fmax(best, sign_ * report.values.front());
    return best;
  }

  std::size_t patience_;
  double min_delta_;
  std::unique_ptr<Pruner> wrapped_;
  double sign_;
};

std::unique_ptr<Pruner> make_wrapped(const config::Value& value, const PrunerSettings& outer) {
  if (!value.is_table() && !value.is_string()) value.fail("expected the name of a pruner or a table with its name");
  const config::Value* name = value.is_table() ? value.find("name") : &value;
  if (name == nullptr) value.fail("name is missing; write, for example, { name = \"median\" }");
  if (name->as_string() == "none") return nullptr;
  PrunerSettings inner{.name = name->as_string(), .study_name = outer.study_name, .directions = outer.directions};
  config::Table members;
  if (value.is_table()) members = value.as_table();
  std::erase_if(members, [](const config::Member& member) { return member.name == "name"; });
  const config::Value options(members, value.position(), value.key());
  inner.options = &options;
  try {
    pruner_kind(inner.name);
  } catch (const UserError& error) {
    name->fail(error.what());
  }
  return make_pruner(inner);
}

std::unique_ptr<Pruner> make(const PrunerSettings& settings) {
  const PatientOptions options = read_options(settings, patient_fields());
  std::unique_ptr<Pruner> wrapped;
  if (options.wrapped) wrapped = make_wrapped(*options.wrapped, settings);
  return std::make_unique<Patient>(options, std::move(wrapped), settings.directions.front());
}

}  // namespace

// Lets another pruner decide only when a trial's best of its last patience + 1 reports is worse than its best before
// by more than min_delta (Optuna's PatientPruner); without another one, ends the trial then.
PrunerKind patient_kind() {
  return {.name = "patient",
          .aliases = {"patient_pruner"},
          .description = "asks another pruner only after `patience` reports without an improvement",
          .options = describe(patient_fields()),
          .several_objectives = false,
          .make = make};
}

}  // namespace lathe::pruner
