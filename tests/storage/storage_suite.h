#pragma once

#include <gtest/gtest.h>

#include "peers.h"
#include "storage/place.h"

namespace lathe::storage {

/// The tests of storage_suite.cpp run for every kind of place that an executable instantiates.
class StorageSuite : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    place_ = make_place(GetParam());
    if (!place_) LATHE_PEER_IS_ABSENT("no PostgreSQL server is installed");
    storage_ = place_->open();
  }
  std::int64_t make_study(const std::vector<Direction>& directions = {Direction::kMaximize},
                          const std::string& name = "jets") {
    return storage_->create_study(name, directions, {}, {});
  }

  std::unique_ptr<Place> place_;
  std::shared_ptr<Storage> storage_;
};

}  // namespace lathe::storage
