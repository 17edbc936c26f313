// PyTorch's files: those of tests/checkpoint (make_torch_files.py), hostile ones, and thousands of damaged ones.
#include "lathe/checkpoint/torch_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/random.h"
#include "lathe/checkpoint/checkpoint.h"
#include "lathe/checkpoint/pickle.h"
#include "lathe/checkpoint/tensors.h"
#include "lathe/data/zip_file.h"

namespace lathe::checkpoint {
namespace {

using namespace std::string_literals;

std::filesystem::path bundled(const std::string& name) {
  return std::filesystem::path(LATHE_SOURCE_DIR) / "tests" / "checkpoint" / name;
}

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  return {bytes.begin(), bytes.end()};
}

TorchMembers members_of(const std::string& name) {
  const std::vector<std::byte> bytes = read_file(bundled(name));
  const data::ZipFile zip(bytes, name);
  TorchMembers members;
  for (std::size_t i = 0; i < zip.size(); ++i) {
    const std::string member = zip.name(i);
    members[member.substr(member.find('/') + 1)] = zip.read(i);
  }
  return members;
}

std::map<std::string, std::vector<float>> values_of(const std::vector<StoredTensor>& tensors) {
  std::map<std::string, std::vector<float>> values;
  for (const StoredTensor& tensor : tensors) values[tensor.name] = float_values(tensor, "test");
  return values;
}

const StoredTensor& named(const std::vector<StoredTensor>& tensors, const std::string& name) {
  for (const StoredTensor& tensor : tensors)
    if (tensor.name == name) return tensor;
  throw std::runtime_error("no tensor " + name);
}

ir::Graph small_graph() {
  ir::GraphBuilder builder("small", {4});
  builder.add("batch_norm1d", "blocks.0", {{"num_features", std::int64_t{4}}});
  builder.add("linear", "blocks.1", {{"in_features", std::int64_t{4}}, {"out_features", std::int64_t{3}}});
  return std::move(builder).finish();
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

std::string message_of(const TorchMembers& members) {
  return message_of([&] { read_torch_members(members, "x.pt"); });
}

// A file whose pickle is this.
TorchMembers pickled(const std::string& pickle) {
  TorchMembers members;
  members["data.pkl"] = bytes_of("\x80\x02"s + pickle + ".");
  members["data/0"] = std::vector<std::byte>(16);
  return members;
}

// {"w": tensor} over four floats of data/0, described by `arguments`: offset, shape, strides.
TorchMembers tensor_file(const std::string& arguments, const std::string& storage = "ctorch\nFloatStorage\n",
                         const std::string& count = "K\x04") {
  return pickled("}U\x01wctorch._utils\n_rebuild_tensor_v2\n((U\x07storage"s + storage + "U\x01" + "0U\x03" + "cpu" +
                 count + "tQ" + arguments + "\x89}tRs");
}

TEST(TorchFile, StateDictsOfAnyLayoutLoadAsTheModel) {
  const ir::Graph graph = small_graph();
  for (const char* name : {"plain.pt", "protocol5.pt", "nested.pt", "lightning.ckpt"}) {
    const LoadedModel loaded = load_model(bundled(name), &graph);
    EXPECT_FALSE(loaded.own_graph) << name;
    ASSERT_EQ(loaded.state.size(), 7u) << name;
    EXPECT_EQ(loaded.state[0].values, (std::vector<float>{0, 1, 2, 3})) << name;
    EXPECT_EQ(loaded.state[2].values, (std::vector<float>{20, 21, 22, 23})) << name;
    EXPECT_EQ(loaded.state[4].values, (std::vector<float>{40})) << name;
    EXPECT_EQ(loaded.state[5].values, (std::vector<float>{50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61})) << name;
    EXPECT_EQ(loaded.state[6].values, (std::vector<float>{60, 61, 62})) << name;
  }
}

TEST(TorchFile, AnotherModelIsRefusedByItsFirstTensor) {
  ir::GraphBuilder builder("other", {5});
  builder.add("linear", "fc", {{"in_features", std::int64_t{5}}, {"out_features", std::int64_t{3}}});
  const ir::Graph graph = std::move(builder).finish();
  EXPECT_EQ(message_of([&] { load_model(bundled("plain.pt"), &graph); }),
            bundled("plain.pt").string() + ": tensor fc.weight of shape [3, 5] is missing");
  EXPECT_EQ(message_of([&] { load_model(bundled("plain.pt")); }),
            bundled("plain.pt").string() +
                ": holds weights without a network (not written by lathe); name the model that they belong to");
}

TEST(TorchFile, TiedParametersAreRefusedByBothNames) {
  const auto layers = [](const char* first, const char* second) {
    ir::GraphBuilder builder("tied", {4});
    for (const char* name : {first, second})
      builder.add("linear", name, {{"in_features", std::int64_t{4}}, {"out_features", std::int64_t{4}}});
    return std::move(builder).finish();
  };
  const std::string path = bundled("tied.pt").string();
  const std::string refused =
      path +
      ": blocks.0.weight and blocks.2.weight are one parameter (tied weights), which lathe would train as two; "
      "save copies of them (tensor.clone()) if they may differ";
  const ir::Graph graph = layers("blocks.0", "blocks.2"), turned = layers("blocks.2", "blocks.0");
  EXPECT_EQ(message_of([&] { load_model(path, &graph); }), refused);
  EXPECT_EQ(message_of([&] { load_model(path, &turned); }), refused);
  const ir::Graph other = layers("blocks.0", "fc");  // of which the file has one
  EXPECT_EQ(message_of([&] { load_model(path, &other); }), path + ": tensor fc.weight of shape [4, 4] is missing");
}

TEST(TorchFile, ViewsSharedStoragesAndEveryTypeAreRead) {
  const auto tensors = read_torch_file(read_file(bundled("views.pt")), "views.pt");
  const auto values = values_of(tensors);
  EXPECT_EQ(named(tensors, "transposed").shape, (Shape{6, 4}));
  for (int i = 0; i < 6; ++i)
    for (int k = 0; k < 4; ++k)
      EXPECT_EQ(values.at("transposed")[static_cast<std::size_t>(i * 4 + k)], static_cast<float>(k * 6 + i));
  EXPECT_EQ(values.at("part"), (std::vector<float>{8, 9, 10, 14, 15, 16}));
  EXPECT_EQ(values.at("every_other"), (std::vector<float>{1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23}));
  EXPECT_EQ(named(tensors, "permuted").shape, (Shape{4, 2, 3}));
  EXPECT_EQ(values.at("permuted")[8], 9);    // [1][0][2], which is [0][2][1] of the 2 x 3 x 4 values
  EXPECT_EQ(values.at("permuted")[11], 21);  // [1][1][2]
  EXPECT_EQ(named(tensors, "scalar").shape, Shape{});
  EXPECT_EQ(values.at("scalar"), std::vector<float>{7.5f});
  EXPECT_EQ(named(tensors, "empty").shape, (Shape{0, 3}));
  EXPECT_EQ(values.at("parameter"), (std::vector<float>{1, -2}));
  for (const char* type : {"float64", "float16", "bfloat16", "int64", "int32", "int16", "int8"})
    EXPECT_EQ(values.at(type), (std::vector<float>{-3, 0, 100})) << type;
  EXPECT_EQ(values.at("uint8"), (std::vector<float>{200, 1}));
  EXPECT_EQ(values.at("bool"), (std::vector<float>{1, 0}));
}

TEST(TorchFile, BigEndianNumbersAreTurned) {
  TorchMembers members = members_of("views.pt");
  const auto expected = values_of(read_torch_members(members, "views.pt"));
  std::map<std::string, std::size_t> sizes;  // of the elements, by storage, as make_torch_files.py orders them
  const std::size_t order[] = {4, 4, 4, 4, 8, 2, 2, 8, 4, 2, 1, 1, 1};
  for (std::size_t i = 0; i < std::size(order); ++i) {
    std::vector<std::byte>& bytes = members.at(fmt::format("data/{}", i));
    for (std::size_t at = 0; at < bytes.size(); at += order[i])
      std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                   bytes.begin() + static_cast<std::ptrdiff_t>(at + order[i]));
  }
  members["byteorder"] = bytes_of("big");
  EXPECT_EQ(values_of(read_torch_members(members, "views.pt")), expected);
}

TEST(TorchFile, AnyOtherClassIsRefusedByItsFullName) {
  const std::string advice =
      ", which lathe does not build: it reads tensors, dicts, lists, texts and numbers only; convert it with: "
      "python3 " LATHE_SOURCE_DIR "/scripts/convert_checkpoint.py x.pt x.safetensors";
  const auto refused = [&](const std::string& name, const std::string& pickle) {
    EXPECT_EQ(message_of(pickled(pickle)), "x.pt: holds an object of " + name + advice);
  };
  refused("posix.system", "cposix\nsystem\nU\x0ctouch /tmp/x\x85R");
  refused("builtins.eval",
          "\x8c\x08"
          "builtins\x8c\x04"
          "eval\x93U\x01x\x85R");
  refused("os.path.join",
          "}(U\x01"
          "acos.path\njoin\n)Ru");
  refused("torch.nn.modules.linear.Linear", "ctorch.nn.modules.linear\nLinear\n)\x81}b");
  refused("a.B", "ca\nB\n)}\x92");
  refused("torch.Size", "ctorch\nSize\n)\x85R}b");
  refused("bad\?name.x", "cbad\x1bname\nx\n)R");
  EXPECT_NE(message_of([] {
              read_torch_file(read_file(bundled("module.pt")), "module.pt");
            }).find("module.pt: holds an object of torch.nn.modules.module.Module"),
            std::string::npos);
}

TEST(TorchFile, DescriptionsThatLieAreRefused) {
  EXPECT_EQ(message_of(tensor_file("K\x00K\x02K\x02\x86K\x02K\x01\x86"s)), "");
  EXPECT_EQ(message_of(tensor_file("K\x01K\x02K\x02\x86K\x02K\x01\x86"s)),
            "x.pt: tensor w: shape [2, 2] reaches beyond its 4 values");
  EXPECT_EQ(message_of(tensor_file("K\x00K\x05\x85K\x00\x85"s)),
            "x.pt: tensor w: repeats the values of its storage (expand), which lathe does not read");
  const std::string huge = "\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x40"s;  // 2^62
  EXPECT_EQ(message_of(tensor_file("K\x00"s + huge + huge + "\x86K\x00K\x00\x86"s)),
            "x.pt: tensor w: shape [4611686018427387904, 4611686018427387904] reaches beyond its 4 values");
  EXPECT_NE(message_of(tensor_file("K\x00K\x02\x85"s + huge + "\x85")).find("reaches beyond"), std::string::npos);
  const std::string beyond = "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f";  // the stride of one value is never used
  EXPECT_EQ(message_of(tensor_file("K\x00K\x04K\x01\x86K\x01"s + beyond + "\x86")), "");
  EXPECT_EQ(message_of(tensor_file("J\xff\xff\xff\xffK\x01\x85K\x01\x85")),
            "x.pt: tensor w: a size that is no whole number from 0");
  EXPECT_EQ(message_of(tensor_file("K\x00K\x01\x85)"s)), "x.pt: tensor w: has another number of strides than of sizes");
  const std::string whole = "K\x00K\x04\x85K\x01\x85"s;
  EXPECT_EQ(message_of(tensor_file(whole, "ctorch\nComplexFloatStorage\n")),
            "x.pt: tensor w: is of torch.ComplexFloatStorage, which lathe does not read");
  EXPECT_EQ(message_of(tensor_file(whole, "ctorch\nFloatStorage\n", "K\x05")),
            "x.pt: tensor w: data/0 holds 16 bytes, not 5 values of F32");
  const std::string call = "ctorch._utils\n_rebuild_tensor_v2\n((U\x07storage"s + "ctorch\nFloatStorage\nU\x01" +
                           "0U\x03" + "cpuK\x04tQ" + whole + "\x89}tR";
  EXPECT_EQ(message_of(pickled("}U\x01w" + call + "sU\x01w" + call + "s")), "x.pt: tensor w: is described twice");
  EXPECT_EQ(message_of(tensor_file("K\x00K\x00"s + huge + huge + "\x87K\x00K\x00K\x00\x87"s)),
            "x.pt: tensor w: shape [0, 4611686018427387904, 4611686018427387904] reaches beyond its 4 values");
  TorchMembers without = tensor_file(whole);
  without.erase("data/0");
  EXPECT_EQ(message_of(without), "x.pt: tensor w: data/0 is missing");
  EXPECT_EQ(message_of(pickled("K\x01")), "x.pt: a PyTorch file that holds no dict of tensors");
  EXPECT_EQ(message_of(pickled("}")), "x.pt: a PyTorch file without tensors in its state dict");
  EXPECT_EQ(message_of(TorchMembers{}), "x.pt: a zip file without a data.pkl: not written by torch.save");
}

TEST(TorchFile, NothingThatAFileClaimsExhaustsMemory) {
  // one storage of 1 MB in a thousand tensors
  std::string pickle = "}(";
  for (int i = 0; i < 1000; ++i)
    pickle += fmt::format("U\x04{:04}", i) + "ctorch._utils\n_rebuild_tensor_v2\n((U\x07storage"s +
              "ctorch\nFloatStorage\nU\x01" + "0U\x03" + "cpuJ" + "\x00\x00\x04\x00"s +
              "tQK\x00J\x00\x00\x04\x00\x85K\x01\x85\x89}tR"s;
  TorchMembers members = pickled(pickle + "u");
  members["data/0"].resize(1 << 20);
  EXPECT_NE(message_of(members).find("the tensors hold more than 8 times the file"), std::string::npos);
  // a list of a thousand values in a hundred thousand tuples
  std::string copies = "(" + std::string(1000, 'N') + "tq\x01" + "0ctorch\nSize\nq\x02" + "0";
  for (int i = 0; i < 100000; ++i) copies += "h\x02h\x01\x85R0";
  EXPECT_EQ(message_of(pickled(copies + "N")), "x.pt: a PyTorch file that holds no dict of tensors");
  for (int i = 0; i < 100000; ++i) copies += "h\x02h\x01R0";
  EXPECT_EQ(message_of(pickled(copies + "N")),
            "x.pt (data.pkl): not a valid pickle: its values hold far more than the file");
  EXPECT_NE(message_of(pickled("X\xff\xff\xff\x7f")).find("bytes are needed"), std::string::npos);
  EXPECT_NE(message_of(pickled("\x8d\xff\xff\xff\xff\xff\xff\xff\xff")).find("bytes are needed"), std::string::npos);
  EXPECT_NE(message_of(pickled(std::string(kMaximumPickle, 'N'))).find("at most"), std::string::npos);
  EXPECT_NE(message_of(pickled(std::string(kMaximumPickleValues + 1, 'N'))).find("more than"), std::string::npos);
  // as deep as it likes: lists in lists, and one that holds itself
  EXPECT_EQ(message_of(pickled("}U\x05"
                               "model" +
                               std::string(100000, ']') + std::string(99999, 'a') + "s")),
            "x.pt: a PyTorch file without tensors in its state dict");
  EXPECT_EQ(message_of(pickled("}q\x01U\x0astate_dicth\x01s")),
            "x.pt: a PyTorch file without tensors in its state dict");
}

TEST(TorchFile, DamagedPicklesAreRefused) {
  const auto reason = [](const std::string& pickle) {
    const std::string text = message_of(pickled(pickle));
    return text.substr(text.find(": not a valid pickle: ") + 22);
  };
  EXPECT_EQ(reason("0"), "the stack is empty");
  EXPECT_EQ(reason("t"), "a group without a beginning");
  EXPECT_EQ(reason("(K\x01"
                   "0"
                   "0"),
            "the stack is empty");
  EXPECT_EQ(reason("}(K\x01u"), "a key without a value");
  EXPECT_EQ(reason("]K\x01K\x02s"), "items are put into what is no list and no dict");
  EXPECT_EQ(reason("h\x07"), "number 7 was never remembered");
  EXPECT_EQ(reason("I5\n"), "instruction 0x49 is not one that plain values need");
  EXPECT_EQ(reason("\x80\x09"), "protocol 9 is unknown");
  EXPECT_EQ(reason("K\x01)R"), "a call of what is no class");
  EXPECT_EQ(reason("ctorch\nSize\nNR"), "arguments that are no tuple");
  EXPECT_EQ(reason("ctorch"), "1 bytes are needed, 0 are left (truncated?)");
}

TEST(TorchFile, ZipFilesThatTorchDoesNotWriteAreRefused) {
  const std::string prefix = "x.pt: ";
  EXPECT_NE(message_of([] { read_torch_file(bytes_of("PK\x03\x04 best/data.pkl"), "x.pt"); }).find("no readable zip"),
            std::string::npos);
  std::vector<std::byte> cut = read_file(bundled("plain.pt"));
  cut.resize(cut.size() - 30);
  EXPECT_NE(message_of([&] { read_torch_file(cut, "x.pt"); }).find("no readable zip"), std::string::npos);
  std::vector<std::byte> doubled = read_file(bundled("plain.pt"));
  const std::vector<std::byte> from = bytes_of("/data/1"), to = bytes_of("/data/0");
  for (auto at = doubled.begin(); (at = std::search(at, doubled.end(), from.begin(), from.end())) != doubled.end();)
    at = std::copy(to.begin(), to.end(), at);
  EXPECT_EQ(message_of([&] { read_torch_file(doubled, "x.pt"); }),
            "x.pt: is no readable zip file: File already exists");
}

// Damages `bytes` in one to four places: other bytes, bytes taken out, put in or repeated.
void damage(std::vector<std::byte>& bytes, RandomStream& random) {
  for (std::uint64_t change = 1 + random.below(4); change > 0 && !bytes.empty(); --change) {
    const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(random.below(bytes.size()));
    switch (random.below(4)) {
      case 0: *at = static_cast<std::byte>(random.below(256)); break;
      case 1: bytes.erase(at); break;
      case 2: bytes.insert(at, static_cast<std::byte>(random.below(256))); break;
      default: *at ^= static_cast<std::byte>(1u << random.below(8));
    }
  }
}

// Loads, or refuses with a DataError: any other end is a failure.
TEST(TorchFile, SurvivesThousandsOfMutations) {
  const ir::Graph graph = small_graph();
  RandomStream random(11, {}, "mutations");
  int loaded = 0, refused = 0;
  const auto attempt = [&](const auto& read) {
    try {
      read();
      ++loaded;
    } catch (const DataError& error) {
      ASSERT_NE(std::string(error.what()), "");
      ++refused;
    }
  };
  for (const char* name : {"plain.pt", "protocol5.pt", "nested.pt", "views.pt", "lightning.ckpt", "module.pt"}) {
    const TorchMembers members = members_of(name);
    const std::vector<std::byte> file = read_file(bundled(name));
    for (int round = 0; round < 1000; ++round) {
      TorchMembers mutated = members;
      damage(mutated["data.pkl"], random);
      if (round % 10 == 0) damage(mutated["data/0"], random);
      attempt([&] { read_torch_members(mutated, name); });
      if (round % 4 != 0) continue;
      std::vector<std::byte> bytes = file;
      damage(bytes, random);
      attempt([&] { read_torch_file(bytes, name); });
    }
  }
  EXPECT_GT(loaded, 200);
  EXPECT_GT(refused, 3000);
}

}  // namespace
}  // namespace lathe::checkpoint
