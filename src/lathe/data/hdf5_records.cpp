#include "lathe/data/hdf5_records.h"

#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/data/lzf.h"

namespace lathe::data {
namespace {

/// Keeps libhdf5 from printing its errors while it lives.
class QuietErrors {
 public:
  QuietErrors() {
    H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~QuietErrors() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;

 private:
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

/// Owns an identifier of libhdf5.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  hid_t get() const { return id_; }
  bool valid() const { return id_ >= 0; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

herr_t keep_innermost(unsigned, const H5E_error2_t* error, void* out) {
  if (error->desc != nullptr) *static_cast<std::string*>(out) = error->desc;
  return 0;
}

/// Returns what libhdf5 said at the place where the last error arose.
std::string last_reason() {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, keep_innermost, &reason);
  return reason.empty() ? "no reason given" : reason;
}

herr_t collect_name(hid_t, const char* name, const H5L_info_t*, void* out) {
  static_cast<std::vector<std::string>*>(out)->emplace_back(name);
  return 0;
}

std::vector<std::string> names_in(hid_t file) {
  std::vector<std::string> names;
  H5Literate(file, H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, collect_name, &names);
  return names;
}

std::vector<std::string> member_names(hid_t type) {
  std::vector<std::string> names;
  for (int i = 0; i < H5Tget_nmembers(type); ++i) {
    char* name = H5Tget_member_name(type, static_cast<unsigned>(i));
    names.emplace_back(name);
    H5free_memory(name);
  }
  return names;
}

/// Opens a file for reading without locking it: locks fail on many network file systems. Says why when it cannot.
hid_t open_read_only(const std::string& path, std::string& reason) {
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_file_locking(access.get(), false, true);
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get());
  if (file < 0) reason = last_reason();
  return file;
}

/// Reads one table; errors are quiet while it lives.
class TableReader {
 public:
  TableReader(const std::filesystem::path& path, const std::string& table)
      : path_(path.string()),
        name_(table),
        file_(open_file(path_), H5Fclose),
        table_(open_table(), H5Dclose),
        type_(H5Dget_type(table_.get()), H5Tclose),
        space_(H5Dget_space(table_.get()), H5Sclose) {
    if (H5Tget_class(type_.get()) != H5T_COMPOUND || H5Sget_simple_extent_ndims(space_.get()) != 1) {
      throw DataError(
          path_, fmt::format("\"{}\" is no table of records (a one-dimensional data set of compound type)", name_));
    }
  }

  void read(const std::vector<std::string>& columns, const RecordReceiver& receive) const {
    const Handle memory_type(make_memory_type(columns), H5Tclose);
    hsize_t rows = 0;
    H5Sget_simple_extent_dims(space_.get(), &rows, nullptr);
    if (rows == 0) throw DataError(path_, fmt::format("table \"{}\" has no rows", name_));
    check_storage(rows);
    std::vector<float> values(std::min<hsize_t>(kRecordsPerRead, rows) * columns.size());
    for (hsize_t first = 0; first < rows; first += kRecordsPerRead) {
      const hsize_t count = std::min<hsize_t>(kRecordsPerRead, rows - first);
      read_rows(memory_type.get(), first, count, values.data());
      receive(rows, std::span(values).first(count * columns.size()));
    }
  }

 private:
  static hid_t open_file(const std::string& path) {
    std::string reason;
    const hid_t file = open_read_only(path, reason);
    if (file < 0) throw DataError(path, fmt::format("is a damaged or truncated HDF5 file: {}", reason));
    return file;
  }

  hid_t open_table() const {
    if (H5Lexists(file_.get(), name_.c_str(), H5P_DEFAULT) <= 0) {
      const std::vector<std::string> present = names_in(file_.get());
      throw DataError(path_, fmt::format("has no table \"{}\"{}", name_, suggestion(name_, present)));
    }
    const hid_t table = H5Dopen2(file_.get(), name_.c_str(), H5P_DEFAULT);
    if (table < 0) throw DataError(path_, fmt::format("table \"{}\" cannot be opened: {}", name_, last_reason()));
    return table;
  }

  /// Refuses a table that claims more rows than its file could hold, before memory is set aside for them.
  void check_storage(hsize_t rows) const {
    if (rows > kMostRecords) {
      throw DataError(path_,
                      fmt::format("table \"{}\" claims {} rows; at most {} are read", name_, rows, kMostRecords));
    }
    if (H5Dget_storage_size(table_.get()) == 0) {
      throw DataError(path_, fmt::format("table \"{}\" is damaged: it claims {} rows and stores none", name_, rows));
    }
  }

  /// Describes a record of float32 columns in memory; libhdf5 converts the columns of the same names to it.
  hid_t make_memory_type(const std::vector<std::string>& columns) const {
    const std::vector<std::string> present = member_names(type_.get());
    const hid_t memory_type = H5Tcreate(H5T_COMPOUND, columns.size() * sizeof(float));
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto found = std::find(present.begin(), present.end(), columns[i]);
      const H5T_class_t kind = found == present.end()
                                   ? H5T_NO_CLASS
                                   : H5Tget_member_class(type_.get(), static_cast<unsigned>(found - present.begin()));
      if (kind != H5T_FLOAT && kind != H5T_INTEGER) {
        H5Tclose(memory_type);
        throw DataError(path_, kind == H5T_NO_CLASS ? fmt::format("table \"{}\" has no column \"{}\"{}", name_,
                                                                  columns[i], suggestion(columns[i], present))
                                                    : fmt::format("table \"{}\": column \"{}\" does not hold numbers",
                                                                  name_, columns[i]));
      }
      H5Tinsert(memory_type, columns[i].c_str(), i * sizeof(float), H5T_NATIVE_FLOAT);
    }
    return memory_type;
  }

  void read_rows(hid_t memory_type, hsize_t first, hsize_t count, float* out) const {
    const Handle memory_space(H5Screate_simple(1, &count, nullptr), H5Sclose);
    H5Sselect_hyperslab(space_.get(), H5S_SELECT_SET, &first, nullptr, &count, nullptr);
    if (H5Dread(table_.get(), memory_type, memory_space.get(), space_.get(), H5P_DEFAULT, out) < 0) {
      throw DataError(path_, fmt::format("table \"{}\": rows {} to {} cannot be read (damaged or truncated): {}", name_,
                                         first, first + count - 1, last_reason()));
    }
  }

  std::string path_, name_;
  Handle file_, table_, type_, space_;
};

}  // namespace

bool holds_records(const std::filesystem::path& path, const std::string& table) {
  const QuietErrors quiet;
  std::string ignored;
  const Handle file(open_read_only(path.string(), ignored), H5Fclose);
  return !file.valid() || H5Lexists(file.get(), table.c_str(), H5P_DEFAULT) > 0;
}

void read_records(const std::filesystem::path& path, const std::string& table, const std::vector<std::string>& columns,
                  const RecordReceiver& receive) {
  const QuietErrors quiet;
  register_lzf_filter();
  TableReader(path, table).read(columns, receive);
}

}  // namespace lathe::data
