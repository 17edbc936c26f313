#include "lathe/data/fetch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <map>
#include <thread>

#include "data/scratch_folder.h"
#include "lathe/base/hash.h"

namespace lathe::data {
namespace {

using testing::error_text;
using testing::ScratchFolder;

/// Answers HTTP requests on 127.0.0.1 with canned texts, until it is destroyed or 20 requests have come.
class LocalServer {
 public:
  explicit LocalServer(std::map<std::string, std::string> answers) : answers_(std::move(answers)) {
    socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    ::bind(socket_, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(socket_, 4);
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~LocalServer() {
    stop_ = true;
    thread_.join();
    ::close(socket_);
  }
  LocalServer(const LocalServer&) = delete;
  LocalServer& operator=(const LocalServer&) = delete;

  std::string url(const std::string& path) const { return fmt::format("http://127.0.0.1:{}{}", port_, path); }
  int requests() const { return requests_; }
  void answer(const std::string& path, const std::string& text) { answers_[path] = text; }

 private:
  void serve() {
    while (!stop_ && requests_ < 20) {
      pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, 20) <= 0) continue;
      const int connection = ::accept(socket_, nullptr, nullptr);
      char request[4096] = "";
      const ssize_t length = ::recv(connection, request, sizeof(request) - 1, 0);
      ++requests_;
      const std::string text(request, static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
      const std::size_t begin = text.find(' ') + 1;
      const auto found = answers_.find(text.substr(begin, text.find(' ', begin) - begin));
      const std::string answer =
          found == answers_.end() ? "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n" : found->second;
      ::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL);
      ::shutdown(connection, SHUT_WR);
      ::close(connection);
    }
  }

  std::map<std::string, std::string> answers_;
  int socket_ = -1;
  int port_ = 0;
  std::atomic<bool> stop_{false};
  std::atomic<int> requests_{0};
  std::thread thread_;
};

std::string ok(const std::string& body, std::size_t claimed_length) {
  return fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", claimed_length, body);
}
std::string ok(const std::string& body) { return ok(body, body.size()); }

int files_in(const ScratchFolder& folder) {
  int count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) ++count;
  return count;
}

TEST(FetchFile, DownloadsAndRecordsTheHash) {
  const ScratchFolder folder;
  const std::string body(300'000, 'x');
  const LocalServer server({{"/file", ok(body)}});
  std::int64_t last = 0;
  const auto file = fetch_file(server.url("/file"), folder.file("a.bin"), [&](std::int64_t done, std::int64_t) {
    last = done;
    return true;
  });
  ASSERT_TRUE(file.has_value());
  EXPECT_TRUE(file->downloaded);
  EXPECT_TRUE(file->first_use);
  EXPECT_EQ(file->size_bytes, 300'000);
  EXPECT_EQ(last, 300'000);
  EXPECT_EQ(folder.text("a.bin"), body);
  EXPECT_EQ(folder.text("a.bin.sha256"), hash_text(body).to_hex() + "  a.bin\n");
  EXPECT_EQ(files_in(folder), 2);
}

TEST(FetchFile, DoesNotDownloadAgainWhatIsThere) {
  const ScratchFolder folder;
  const LocalServer server({{"/file", ok("content")}});
  fetch_file(server.url("/file"), folder.file("a.bin"));
  const auto again = fetch_file(server.url("/file"), folder.file("a.bin"));
  ASSERT_TRUE(again.has_value());
  EXPECT_FALSE(again->downloaded);
  EXPECT_EQ(server.requests(), 1);
}

TEST(FetchFile, ReplacesADamagedFile) {
  const ScratchFolder folder;
  const LocalServer server({{"/file", ok("content")}});
  fetch_file(server.url("/file"), folder.file("a.bin"));
  folder.write("a.bin", "damaged");
  EXPECT_TRUE(fetch_file(server.url("/file"), folder.file("a.bin"))->downloaded);
  EXPECT_EQ(folder.text("a.bin"), "content");
}

TEST(FetchFile, RefusesAnotherHashThanRecorded) {
  const ScratchFolder folder;
  const LocalServer server({{"/file", ok("other")}});
  const std::string recorded(64, '0');
  folder.write("a.bin.sha256", recorded + "  a.bin\n");
  EXPECT_EQ(
      error_text<DataError>([&] { fetch_file(server.url("/file"), folder.file("a.bin")); }),
      fmt::format(
          "{}: the file has SHA-256 {}, but {} was recorded in {} at first use; it is not kept. Remove that record "
          "if the file was changed on purpose",
          server.url("/file"), hash_text("other").to_hex(), recorded, folder.file("a.bin.sha256").string()));
  EXPECT_EQ(files_in(folder), 1);
}

TEST(FetchFile, ReportsHttpErrorsAndLeavesNothing) {
  const ScratchFolder folder;
  const LocalServer server({});
  EXPECT_EQ(error_text<SystemError>([&] { fetch_file(server.url("/none"), folder.file("a.bin")); }),
            fmt::format("cannot download {}: the server answered with HTTP status 404", server.url("/none")));
  EXPECT_EQ(files_in(folder), 0);
}

TEST(FetchFile, ReportsABrokenConnectionAndLeavesNothing) {
  const ScratchFolder folder;
  const LocalServer server({{"/short", ok("only a part", 1000)}});
  const std::string text = error_text<SystemError>([&] { fetch_file(server.url("/short"), folder.file("a.bin")); });
  EXPECT_TRUE(text.starts_with("cannot download " + server.url("/short"))) << text;
  EXPECT_EQ(files_in(folder), 0);
}

TEST(FetchFile, RefusesAWebPage) {
  const ScratchFolder folder;
  const LocalServer server({{"/page", ok("<!DOCTYPE html><html>log in</html>")}});
  EXPECT_EQ(error_text<DataError>([&] { fetch_file(server.url("/page"), folder.file("a.bin")); }),
            server.url("/page") + ": the server sent a web page instead of the file");
  EXPECT_EQ(files_in(folder), 0);
}

TEST(FetchFile, RefusesAWebPageInAnyDress) {
  const ScratchFolder folder;
  const std::string typed =
      "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 7\r\nConnection: close\r\n\r\nsign "
      "in";
  for (const std::string& answer : {ok("\n \t<!doctype HTML>"), ok("\xef\xbb\xbf<HTML lang=en>"), ok("<!-- robots -->"),
                                    ok("<?xml version=\"1.0\"?><html/>"), typed}) {
    const LocalServer server({{"/page", answer}});
    EXPECT_EQ(error_text<DataError>([&] { fetch_file(server.url("/page"), folder.file("a.arff")); }),
              server.url("/page") + ": the server sent a web page instead of the file");
    EXPECT_EQ(files_in(folder), 0);
  }
}

TEST(FetchFile, RefusesAnotherKindOfFile) {
  const ScratchFolder folder;
  const LocalServer server({{"/error", ok("{\"error\": 429}")}, {"/arff", ok("\n% jets\n@relation jets\n")}});
  EXPECT_EQ(error_text<DataError>([&] { fetch_file(server.url("/error"), folder.file("a.arff")); }),
            server.url("/error") + ": the server sent something else instead of the file: it is no ARFF file");
  EXPECT_EQ(error_text<DataError>([&] { fetch_file(server.url("/error"), folder.file("a.z")); }),
            server.url("/error") + ": the server sent something else instead of the file: it is no HDF5 file");
  EXPECT_EQ(files_in(folder), 0);
  EXPECT_TRUE(fetch_file(server.url("/arff"), folder.file("a.arff"))->downloaded);
}

TEST(FetchFile, StopsWhenAsked) {
  const ScratchFolder folder;
  const LocalServer server({{"/file", ok("content")}});
  EXPECT_FALSE(fetch_file(server.url("/file"), folder.file("a.bin"), [](std::int64_t, std::int64_t) { return false; }));
  EXPECT_EQ(files_in(folder), 0);
}

TEST(FetchFile, FollowsRedirections) {
  const ScratchFolder folder;
  const LocalServer server(
      {{"/old", "HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
       {"/new", ok("here")}});
  fetch_file(server.url("/old"), folder.file("a.bin"));
  EXPECT_EQ(folder.text("a.bin"), "here");
}

TEST(FetchFile, ReportsAFolderThatCannotBeWritten) {
  const LocalServer server({{"/file", ok("content")}});
  EXPECT_EQ(error_text<SystemError>([&] { fetch_file(server.url("/file"), "/proc/none/a.bin"); }),
            "cannot create the folder /proc/none: No such file or directory");
}

TEST(FetchDataset, FollowsOpenmlsDescription) {
  const ScratchFolder folder;
  LocalServer server({{"/files/jets.arff", ok("@RELATION jets")}});
  server.answer("/api/v1/json/data/42468",
                ok(fmt::format("{{\"data_set_description\": {{\"id\": \"42468\", \"url\": \"{}\"}}}}",
                               server.url("/files/jets.arff"))));
  server.answer("/api/v1/json/data/1", ok("{\"error\": 1}"));
  for (const DatasetKind& kind : dataset_kinds()) {
    if (kind.name != "jsc-openml") continue;
    const auto file = fetch_dataset(kind, server.url("/api/v1/json/data/42468"), folder.path());
    EXPECT_EQ(file->path, folder.file("hls4ml_lhc_jets_hlf.arff"));
    EXPECT_EQ(folder.text("hls4ml_lhc_jets_hlf.arff"), "@RELATION jets");
    std::filesystem::remove(file->path);
    EXPECT_EQ(error_text<DataError>([&] { fetch_dataset(kind, server.url("/api/v1/json/data/1"), folder.path()); }),
              server.url("/api/v1/json/data/1") + ": the server's description of the data set names no file");
  }
}

TEST(FetchDataset, SaysWhenThereIsNothingToDownload) {
  EXPECT_TRUE(error_text<UserError>([] {
                fetch_dataset(dataset_kinds().entries().front(), "", "/tmp");
              }).starts_with("data set \"jets\" has nothing to download"));
}

}  // namespace
}  // namespace lathe::data
