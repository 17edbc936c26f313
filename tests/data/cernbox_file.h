#pragma once

#include <hdf5.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "lathe/data/dataset.h"

namespace lathe::data::testing {

/// Lists the columns of the CERNBox file that lathe reads: 16 features, then the labels in the order of the classes.
inline std::vector<std::string> cernbox_columns() {
  return {"j_zlogz",
          "j_c1_b0_mmdt",
          "j_c1_b1_mmdt",
          "j_c1_b2_mmdt",
          "j_c2_b1_mmdt",
          "j_c2_b2_mmdt",
          "j_d2_b1_mmdt",
          "j_d2_b2_mmdt",
          "j_d2_a1_b1_mmdt",
          "j_d2_a1_b2_mmdt",
          "j_m2_b1_mmdt",
          "j_m2_b2_mmdt",
          "j_n2_b1_mmdt",
          "j_n2_b2_mmdt",
          "j_mass_mmdt",
          "j_multiplicity",
          "j_g",
          "j_q",
          "j_w",
          "j_z",
          "j_t"};
}

/// Writes a file of the CERNBox layout: HDF5 with one table of records, the features as float64, the labels one-hot as
/// int32, a column `j_index` before them and one `j_pt` among them that a reader must ignore. `samples` are
/// [rows, 16], raw, labelled 0 g, 1 q, 2 w, 3 z, 4 t. Columns named in `leave_out` are not written.
/// A test that includes this links hdf5::hdf5. Returns false when libhdf5 reports an error.
inline bool write_cernbox_file(const std::filesystem::path& path, const Samples& samples,
                               const std::string& table_name = "t_allpar_new", const std::string& leave_out = {}) {
  constexpr std::size_t kWidth = 16, kClasses = 5;
  std::vector<std::string> names = cernbox_columns();
  const std::size_t record = 168;  // 8 + 17 * 8 + 5 * 4 bytes, and 4 that keep the next record aligned
  const std::size_t first_feature = sizeof(std::int64_t);
  const std::size_t first_label = first_feature + (kWidth + 1) * sizeof(double);
  const hid_t type = H5Tcreate(H5T_COMPOUND, record);
  H5Tinsert(type, "j_index", 0, H5T_NATIVE_INT64);
  for (std::size_t i = 0; i < kWidth; ++i) {
    if (names[i] != leave_out) H5Tinsert(type, names[i].c_str(), first_feature + i * sizeof(double), H5T_NATIVE_DOUBLE);
  }
  H5Tinsert(type, "j_pt", first_feature + kWidth * sizeof(double), H5T_NATIVE_DOUBLE);
  for (std::size_t i = 0; i < kClasses; ++i) {
    H5Tinsert(type, names[kWidth + i].c_str(), first_label + i * sizeof(std::int32_t), H5T_NATIVE_INT32);
  }
  std::vector<char> rows(record * samples.labels.size(), 0);
  for (std::size_t row = 0; row < samples.labels.size(); ++row) {
    char* out = rows.data() + row * record;
    *reinterpret_cast<std::int64_t*>(out) = static_cast<std::int64_t>(row);
    auto* features = reinterpret_cast<double*>(out + first_feature);
    for (std::size_t i = 0; i < kWidth; ++i) features[i] = samples.features[row * kWidth + i];
    features[kWidth] = 1000.0;
    auto* labels = reinterpret_cast<std::int32_t*>(out + first_label);
    if (samples.labels[row] >= 0) labels[samples.labels[row]] = 1;
  }
  const hsize_t count = samples.labels.size();
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t space = H5Screate_simple(1, &count, nullptr);
  const hid_t table = H5Dcreate2(file, table_name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const bool written = table >= 0 && H5Dwrite(table, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows.data()) >= 0;
  H5Dclose(table);
  H5Sclose(space);
  H5Tclose(type);
  return H5Fclose(file) >= 0 && written;
}

}  // namespace lathe::data::testing
