#include "measured_tables.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <memory>
#include <sstream>

#include "lathe/sampler/hypervolume.h"
#include "lathe/table/table.h"

namespace lathe::bench {
namespace {

/// Says what the columns of a file mean.
struct Layout {
  std::string name, file;
  std::size_t parameters;
  std::vector<std::size_t> measured;  ///< columns whose mean is the first objective
  bool accuracy;                      ///< in percent, larger is better
  std::optional<std::size_t> cost;    ///< column of the second objective
};

const std::vector<Layout>& layouts() {
  static const std::vector<Layout> list{
      {"nasbench201", "nasbench201_cifar10.csv", 6, {6, 7, 8}, true, {}},
      {"nasbenchmacro", "nasbenchmacro_cifar10.csv", 8, {8, 9, 10}, true, {}},
      {"nasbenchmacro_mo", "nasbenchmacro_cifar10.csv", 8, {8, 9, 10}, true, 12},
      {"hpolib_protein", "hpolib_protein_structure.csv", 9, {9, 10, 11, 12}, false, {}}};
  return list;
}

using Row = std::vector<std::string>;

std::vector<Row> read_rows(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<Row> rows;
  for (std::string line; std::getline(file, line);) {
    Row row;
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ',');) row.push_back(cell);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::optional<double> number(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || parsed != end) return std::nullopt;
  return value;
}

parameter::Choice choice(const std::string& text) {
  if (const auto value = number(text)) return *value;
  return text;
}

/// Measured seeds may be missing: then the mean is of the others.
double mean(const Row& row, const std::vector<std::size_t>& columns) {
  double sum = 0;
  double count = 0;
  for (const std::size_t column : columns) {
    if (column >= row.size()) continue;
    if (const auto value = number(row[column])) {
      sum += *value;
      count += 1;
    }
  }
  return sum / count;
}

void scale_to_unit(std::vector<std::vector<double>>& values) {
  for (std::size_t i = 0; i < values.front().size(); ++i) {
    double least = std::numeric_limits<double>::infinity();
    double most = -least;
    for (const auto& row : values) {
      least = std::min(least, row[i]);
      most = std::max(most, row[i]);
    }
    for (auto& row : values) row[i] = (row[i] - least) / (most - least);
  }
}

parameter::Space space_of(const std::vector<Row>& rows, std::size_t columns) {
  std::vector<parameter::Parameter> parameters;
  for (std::size_t column = 0; column < columns; ++column) {
    parameter::Categorical list;
    for (std::size_t row = 1; row < rows.size(); ++row) {
      const parameter::Choice value = choice(rows[row][column]);
      if (std::find(list.choices.begin(), list.choices.end(), value) == list.choices.end())
        list.choices.push_back(value);
    }
    parameters.push_back({rows.front()[column], std::move(list)});
  }
  return parameter::Space(std::move(parameters));
}

double optimum(const std::vector<std::vector<double>>& values) {
  if (values.front().size() == 1) return (*std::min_element(values.begin(), values.end()))[0];
  return sampler::hypervolume(values, {1, 1});
}

Problem problem_of(const Layout& layout, const std::vector<Row>& rows) {
  Problem problem{layout.name, space_of(rows, layout.parameters), {Direction::kMinimize}, {}, 0};
  if (layout.cost) problem.directions.push_back(Direction::kMinimize);
  std::vector<std::vector<double>> values;
  for (std::size_t row = 1; row < rows.size(); ++row) {
    const double measured = mean(rows[row], layout.measured);
    values.push_back({layout.accuracy ? 100 - measured : measured});
    if (layout.cost) values.back().push_back(*number(rows[row][*layout.cost]) / 1e6);
  }
  if (layout.cost) scale_to_unit(values);
  problem.optimum = optimum(values);
  auto table = std::make_shared<std::vector<std::vector<double>>>(values.size());  // shared by copies of the problem
  for (std::size_t row = 0; row < values.size(); ++row) {
    parameter::Assignment codes;
    for (std::size_t column = 0; column < layout.parameters; ++column) {
      const auto& list = std::get<parameter::Categorical>(problem.space.parameters()[column].distribution).choices;
      const auto found = std::find(list.begin(), list.end(), choice(rows[row + 1][column]));
      codes.push_back(static_cast<double>(found - list.begin()));
    }
    (*table)[problem.space.encode(codes)] = values[row];
  }
  problem.evaluate = [table, space = problem.space](const parameter::Assignment& x) {
    return (*table)[space.encode(x)];
  };
  return problem;
}

Problem problem_of(const std::string& name, const table::Table& trained) {
  Problem problem{"table_" + name, trained.space(), {}, {}, 0};
  problem.directions.assign(trained.directions().size(), Direction::kMinimize);
  if (problem.directions.size() > 1) problem.name += "_mo";
  std::vector<std::vector<double>> values;
  for (std::size_t candidate = 0; candidate < trained.candidates(); ++candidate) {
    values.emplace_back();
    for (const table::Mean& mean : trained.values(candidate)) {
      const bool larger = trained.directions()[values.back().size()] == Direction::kMaximize;
      values.back().push_back(larger ? -mean.mean : mean.mean);
    }
  }
  scale_to_unit(values);
  const std::vector<double> worst(problem.directions.size(), 1);  // of networks that are impossible or diverge
  for (auto& row : values) {
    if (std::any_of(row.begin(), row.end(), [](double value) { return std::isnan(value); })) row = worst;
  }
  problem.optimum = optimum(values);
  problem.evaluate = [values, trained, worst](const parameter::Assignment& x) {
    const auto candidate = trained.find(x);
    return candidate ? values[*candidate] : worst;
  };
  return problem;
}

std::vector<Problem> trained_problems(const std::filesystem::path& folder) {
  std::vector<Problem> list;
  std::vector<std::filesystem::path> documents;
  std::error_code absent;
  for (const auto& entry : std::filesystem::directory_iterator(folder, absent)) {
    if (entry.path().extension() == ".json") documents.push_back(entry.path());
  }
  std::sort(documents.begin(), documents.end());
  for (const std::filesystem::path& path : documents) {
    list.push_back(problem_of(path.stem().string(), table::Table::load(path)));
  }
  return list;
}

}  // namespace

std::vector<Problem> measured_problems(const std::filesystem::path& folder) {
  std::vector<Problem> list = trained_problems(folder);
  for (const Layout& layout : layouts()) {
    const std::vector<Row> rows = read_rows(folder / layout.file);
    if (rows.size() > 1) list.push_back(problem_of(layout, rows));
  }
  return list;
}

}  // namespace lathe::bench
