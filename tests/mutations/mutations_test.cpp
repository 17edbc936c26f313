#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "mutate.h"
#include "program.h"
#include "readers.h"

// The short form of `bench/run mutations`: some hundred damaged files for every reader.
namespace lathe::mutations {
namespace {

const std::vector<Reader>& all_readers() {
  static const std::vector<Reader> all = readers(LATHE_SOURCE_DIR);
  return all;
}

TEST(Mutations, AreAFunctionOfSeedAndIndex) {
  const std::string text = "a = [1, 2.5]\nb = \"name\"\n";
  EXPECT_EQ(Mutator(1, 7).text(text), Mutator(1, 7).text(text));
  EXPECT_NE(Mutator(1, 7).bytes(text), Mutator(1, 8).bytes(text));
}

TEST(Mutations, ArchivesComeBackWhole) {
  const std::vector<ZipMember> members{{"a", "some text, some text, some text"}, {"b/c", std::string(1000, 'x')}};
  for (const bool deflated : {false, true}) {
    const auto read = read_zip(write_zip(members, deflated));
    ASSERT_EQ(read.size(), 2u);
    EXPECT_EQ(read[0].content, members[0].content);
    EXPECT_EQ(read[1].name, members[1].name);
    EXPECT_EQ(read[1].content, members[1].content);
  }
}

class Readers : public ::testing::TestWithParam<std::size_t> {};

TEST_P(Readers, TakeDamagedFiles) {
  const Reader& reader = all_readers()[GetParam()];
  const testing::TemporaryFolder folder;
  if (reader.prepare) reader.prepare(folder.path());
  for (const std::string& sample : reader.samples) EXPECT_EQ(try_sample(reader, folder.path(), sample), "");
  constexpr std::uint64_t kFiles = 200, kSeed = 20261130;
  for (std::uint64_t index = 0; index < kFiles; ++index) {
    EXPECT_EQ(try_reader(reader, folder.path(), kSeed, index), "") << reader.name << ", file " << index;
  }
}

std::string test_name(const ::testing::TestParamInfo<std::size_t>& info) {
  std::string name = all_readers()[info.param].name;
  for (char& letter : name) {
    if (std::isalnum(static_cast<unsigned char>(letter)) == 0) letter = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, Readers, ::testing::Range<std::size_t>(0, all_readers().size()), test_name);

}  // namespace
}  // namespace lathe::mutations
