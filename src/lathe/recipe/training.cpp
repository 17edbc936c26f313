#include "lathe/recipe/training.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <type_traits>
#include <utility>

#include "lathe/engine/loss_options.h"
#include "lathe/engine/schedule.h"

namespace lathe::recipe {
namespace {

using config::above;
using config::at_least;
using config::Bounds;
using config::Field;
using config::Value;
using engine::TrainSettings;

template <typename T>
constexpr bool kIsList = false;
template <typename T>
constexpr bool kIsList<std::vector<T>> = true;

template <typename T>
struct Required {
  using Type = T;
};
template <typename T>
struct Required<std::optional<T>> {
  using Type = T;
};

// The readers and printers of config/field.h for a member that `access` reaches, however deep it is. One that may be
// absent is printed as -1 then (see TrainingSetting::lift).
template <typename T, typename Access>
Field<TrainSettings> deep_field(std::string name, std::string description, Access access, Bounds bounds) {
  struct Holder {
    typename Required<T>::Type value;
  };
  const auto with_bounds = [&] {
    if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::string>)
      return config::field(name, &Holder::value, description);
    else if constexpr (kIsList<T>)
      return config::list_field(name, &Holder::value, description, bounds);
    else
      return config::field(name, &Holder::value, description, bounds);
  };
  const Field<Holder> plain = with_bounds();
  return {plain.name,
          plain.type,
          plain.allowed,
          plain.description,
          [plain, access](TrainSettings& out, const Value& value) {
            Holder holder{};
            plain.read(holder, value);
            access(out) = std::move(holder.value);
          },
          [plain, access](const TrainSettings& in) {
            if constexpr (std::is_same_v<T, typename Required<T>::Type>)
              return plain.show(Holder{access(in)});
            else
              return access(in) ? plain.show(Holder{*access(in)}) : std::string("-1");
          }};
}

template <typename Access>
TrainingSetting setting(std::string name, std::string description, Access access, Bounds bounds = {}) {
  using T = std::remove_cvref_t<decltype(access(std::declval<TrainSettings&>()))>;
  TrainingSetting made{.field = deep_field<T>(name, std::move(description), access, bounds), .general = name};
  made.copy = [access](const TrainSettings& from, TrainSettings& to) { access(to) = access(from); };
  return made;
}

// A setting that names an entry of a registry; what is stored is the entry's own name.
template <typename Access, typename Entry>
TrainingSetting named(std::string name, std::string description, Access access, const Registry<Entry>& registry) {
  TrainingSetting made = setting(std::move(name), std::move(description), access);
  made.words = registry.all_spellings();
  made.field.allowed = config::detail::choices_text(made.words);
  made.field.read = [access, &registry, words = made.words](TrainSettings& out, const Value& value) {
    config::detail::check_choice(value, words);
    access(out) = registry.find(value.as_string())->name;
  };
  return made;
}

// Lists the losses of a task: `a, b or c`.
std::string losses_of(data::Task task) {
  std::vector<std::string> names;
  for (const engine::LossDeclaration& loss : engine::loss_declarations())
    if (loss.task == task) names.push_back(loss.name);
  if (names.size() == 1) return names.front();
  return fmt::format("{} or {}", fmt::join(names.begin(), names.end() - 1, ", "), names.back());
}

// What a row of the list says beside the setting itself.
struct Traits {
  std::optional<std::string> general = std::nullopt;  ///< top-level key, where it is called otherwise; "": none
  std::string section = "Training";
  bool in_runner = true;
  bool searchable = false;
  bool own_default = false;
  bool of_evaluation = false;
};

std::string value_name_of(const TrainingSetting& setting) {
  const std::string& type = setting.field.type;
  if (type == "boolean") return {};
  if (type == "integer") return "N";
  if (type == "number") return "X";
  return type == "string" ? "NAME" : "LIST";
}

std::string flag_of(const std::string& key) {
  std::string flag = "--" + key;
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

TrainingSetting row(TrainingSetting made, Traits traits) {
  made.general = traits.general.value_or(made.name());
  made.section = std::move(traits.section);
  made.in_runner = traits.in_runner;
  made.searchable = traits.searchable;
  made.own_default = traits.own_default;
  made.of_evaluation = traits.of_evaluation;
  if (made.general.empty()) return made;
  made.flags = {flag_of(made.general)};
  made.value_name = value_name_of(made);
  return made;
}

TrainingSetting with_limit(TrainingSetting made, bool lift_in_general, std::function<void(TrainSettings&)> lift) {
  made.lift = std::move(lift);
  made.lift_in_general = lift_in_general;
  return made;
}

constexpr Bounds kShare{.low = 0, .high = 1, .high_open = true};
constexpr const char* kImages = "Augmentation of training images";

constexpr double kLargestWhole = 1LL << 53;  // a double counts to there

// A setting that brings what it does along.
template <typename T>
TrainingSetting option_setting(std::size_t index) {
  const engine::TrainingOption& option = engine::training_options().entries()[index];
  struct Holder {
    T value;
  };
  const Field<Holder> plain =
      config::field(option.name, &Holder::value, option.description, Bounds{.low = option.low, .high = option.high});
  TrainingSetting made{.field = {plain.name, plain.type, plain.allowed, plain.description,
                                 [plain, index](TrainSettings& out, const Value& value) {
                                   Holder holder{};
                                   plain.read(holder, value);
                                   if (static_cast<double>(holder.value) > kLargestWhole)
                                     value.fail(fmt::format("must be at most {}; got {}", kLargestWhole, holder.value));
                                   out.options.at(index) = static_cast<double>(holder.value);
                                 },
                                 [plain, index](const TrainSettings& in) {
                                   return plain.show(Holder{static_cast<T>(in.options.at(index))});
                                 }}};
  made.copy = [index](const TrainSettings& from, TrainSettings& to) { to.options.at(index) = from.options.at(index); };
  return row(std::move(made), {.searchable = option.searchable, .own_default = true});
}

// Puts the options behind the course of the learning rate.
std::vector<TrainingSetting> with_options(std::vector<TrainingSetting> list) {
  const std::vector<engine::TrainingOption>& options = engine::training_options().entries();
  auto place = std::find_if(list.begin(), list.end(), [](const auto& made) { return made.name() == "lr_scheduler"; });
  for (std::size_t i = 0; i < options.size(); ++i)
    place = list.insert(place + 1, options[i].whole ? option_setting<std::int64_t>(i) : option_setting<double>(i));
  return list;
}

std::vector<TrainingSetting> make_list() {
  return {
      row(named(
              "optimizer", "update rule", [](auto& s) -> auto& { return s.optimizer.name; }, engine::optimizers()),
          {.general = "training_optimizer", .searchable = true}),
      row(setting(
              "learning_rate", "peak learning rate", [](auto& s) -> auto& { return s.learning_rate; }, above(0)),
          {.searchable = true}),
      row(named(
              "lr_scheduler", "course of the learning rate over the steps of the run",
              [](auto& s) -> auto& { return s.schedule; }, engine::schedules()),
          {.searchable = true, .own_default = true}),
      row(setting(
              "eta_min", "learning rate at the end of a course that falls",
              [](auto& s) -> auto& { return s.minimum_learning_rate; }, at_least(0)),
          {.own_default = true}),
      row(setting(
              "loss",
              fmt::format("what is minimised: {}; {} for regression; auto: the first of the task",
                          losses_of(data::Task::kClassification), losses_of(data::Task::kRegression)),
              [](auto& s) -> auto& { return s.loss.name; }),
          {.of_evaluation = true}),
      row(setting(
              "label_smoothing", "share of the target that cross_entropy spreads evenly over the classes",
              [](auto& s) -> auto& { return s.loss.label_smoothing; }, engine::loss_option("label_smoothing").bounds),
          {.searchable = true, .of_evaluation = true}),
      row(setting(
              "class_weights", "weights of the classes in cross_entropy, in their order; none: all 1",
              [](auto& s) -> auto& { return s.loss.class_weights; }, engine::loss_option("class_weights").bounds),
          {.of_evaluation = true}),
      row(setting(
              "huber_delta", "error at which huber turns from square to line",
              [](auto& s) -> auto& { return s.loss.delta; }, engine::loss_option("huber_delta").bounds),
          {.of_evaluation = true}),
      row(setting(
              "l1", "penalty: l1 * the sum of the magnitudes of weights is minimised too",
              [](auto& s) -> auto& { return s.optimizer.l1; }, at_least(0)),
          {.searchable = true}),
      row(setting(
              "l2",
              "penalty: l2 * the sum of the squares of weights is minimised too; unlike weight_decay it leaves "
              "biases and batch norms alone",
              [](auto& s) -> auto& { return s.optimizer.l2; }, at_least(0)),
          {.searchable = true}),
      row(setting(
              "weight_decay", "weight decay: decoupled in adamw, added to the gradient by the other rules",
              [](auto& s) -> auto& { return s.optimizer.weight_decay; }, at_least(0)),
          {.searchable = true}),
      row(setting(
              "momentum", "momentum of sgd", [](auto& s) -> auto& { return s.optimizer.momentum; }, kShare),
          {.searchable = true, .own_default = true}),
      row(setting(
              "nesterov", "Nesterov's form of the momentum of sgd; --set nesterov=false turns it off",
              [](auto& s) -> auto& { return s.optimizer.nesterov; }),
          {.searchable = true, .own_default = true}),
      row(with_limit(setting(
                         "max_epochs", "passes over the training rows at most; -1 in a search: num_samples alone",
                         [](auto& s) -> auto& { return s.max_epochs; }, at_least(1)),
                     false, [](TrainSettings& s) { s.max_epochs = kNoEpochLimit; }),
          {.searchable = true}),
      row(with_limit(setting(
                         "max_steps", "optimiser steps at most; -1: no limit",
                         [](auto& s) -> auto& { return s.max_steps; }, at_least(1)),
                     true, [](TrainSettings& s) { s.max_steps.reset(); }),
          {.own_default = true}),
      row(with_limit(setting(
                         "num_samples", "training samples in all, capped at max_epochs; -1: max_epochs alone",
                         [](auto& s) -> auto& { return s.num_samples; }, at_least(1)),
                     false, [](TrainSettings& s) { s.num_samples.reset(); }),
          {.general = "", .searchable = true, .own_default = true}),
      row(setting(
              "gradient_accumulation_steps", "batches per optimiser step",
              [](auto& s) -> auto& { return s.accumulate_grad_batches; }, config::between(1, kLargestBatch)),
          {.general = "accumulate_grad_batches", .searchable = true, .own_default = true}),
      row(setting(
              "batch_size", "rows per batch, in training and evaluation", [](auto& s) -> auto& { return s.batch_size; },
              config::between(1, kLargestBatch)),
          {.section = "General", .searchable = true, .of_evaluation = true}),
      row(setting(
              "log_every_n_steps", "steps between the training rows of history.csv; 0: none",
              [](auto& s) -> auto& { return s.log_every_n_steps; }, at_least(0)),
          {.in_runner = false}),
      row(setting(
              "random_crop", "pixels of padding around the image before a part of its size is taken at random; 0: none",
              [](auto& s) -> auto& { return s.augmentation.random_crop; }, at_least(0)),
          {.section = kImages}),
      row(setting(
              "horizontal_flip", "mirrors left and right every second time",
              [](auto& s) -> auto& { return s.augmentation.horizontal_flip; }),
          {.section = kImages}),
      row(setting(
              "cutout", "side in pixels of the square that is covered at random; 0: none",
              [](auto& s) -> auto& { return s.augmentation.cutout; }, at_least(0)),
          {.section = kImages}),
  };
}

bool may_lift(const TrainingSetting& setting, Place place) {
  return setting.lift && (place == Place::kRunner || (place == Place::kGeneral && setting.lift_in_general));
}

}  // namespace

void TrainingSetting::read(Place place, const Value& value, TrainSettings& to) const {
  if (may_lift(*this, place) && value.is_integer() && value.as_integer() < 1) {
    if (value.as_integer() != -1) value.fail(fmt::format("must be {}; got {}", allowed(place), value.as_integer()));
    return lift(to);
  }
  field.read(to, value);
}

std::string TrainingSetting::allowed(Place place) const {
  return may_lift(*this, place) ? field.allowed + ", or -1 for no limit" : field.allowed;
}

const std::vector<TrainingSetting>& training_settings() {
  static const std::vector<TrainingSetting> list = with_options(make_list());
  return list;
}

const TrainingSetting* find_training_setting(std::string_view name) {
  for (const TrainingSetting& setting : training_settings())
    if (setting.name() == name) return &setting;
  return nullptr;
}

TrainSettings general_training_defaults() {
  TrainSettings settings;
  settings.learning_rate = 1e-5;
  settings.schedule = "cosine";
  settings.minimum_learning_rate = 1e-6;
  settings.loss.name = "auto";
  settings.optimizer.momentum = 0.9;
  settings.optimizer.nesterov = true;
  return settings;
}

void drop_unread(TrainSettings& settings) {
  const engine::OptimizerDeclaration& optimizer = engine::optimizer_named(settings.optimizer.name);
  for (const TrainingSetting& setting : training_settings())
    if (!optimizer.reads(setting.name())) setting.copy(TrainSettings{}, settings);
}

std::string owners(const std::string& setting) {
  return fmt::format("{}", fmt::join(engine::optimizers_that_alone_read(setting), " and "));
}

}  // namespace lathe::recipe
