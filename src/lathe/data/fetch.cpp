#include "lathe/data/fetch.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <fstream>
#include <memory>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/hash.h"
#include "lathe/base/json.h"

namespace lathe::data {
namespace {

namespace fs = std::filesystem;

/// Receives what comes; returns false when it cannot take it.
using Receiver = std::function<bool(std::string_view)>;

std::size_t on_bytes(char* bytes, std::size_t, std::size_t count, void* receiver) {
  return (*static_cast<Receiver*>(receiver))({bytes, count}) ? count : 0;
}

int on_progress(void* progress, curl_off_t total, curl_off_t done, curl_off_t, curl_off_t) {
  const auto& go_on = *static_cast<const FetchProgress*>(progress);
  return !go_on || go_on(done, total) ? 0 : 1;
}

enum class Transfer { kComplete, kStopped };

/// Gets an address with libcurl, following redirections; `type` takes what the server calls it. Throws SystemError.
Transfer transfer(const std::string& url, Receiver receive, const FetchProgress& progress,
                  std::string* type = nullptr) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
  if (started != CURLE_OK || curl == nullptr) throw SystemError("download", url, "libcurl cannot be initialised");
  char reason[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_MAXREDIRS, 10L);
  curl_easy_setopt(curl.get(), CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT, 30L);
  curl_easy_setopt(curl.get(), CURLOPT_LOW_SPEED_LIMIT, 1L);  // bytes a second, over
  curl_easy_setopt(curl.get(), CURLOPT_LOW_SPEED_TIME, 60L);  // this many seconds: the connection is dead
  curl_easy_setopt(curl.get(), CURLOPT_USERAGENT, "lathe");
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, reason);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, on_bytes);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &receive);
  curl_easy_setopt(curl.get(), CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFODATA, &progress);
  const CURLcode code = curl_easy_perform(curl.get());
  if (code == CURLE_ABORTED_BY_CALLBACK) return Transfer::kStopped;
  if (code == CURLE_HTTP_RETURNED_ERROR) {
    long status = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    throw SystemError("download", url, fmt::format("the server answered with HTTP status {}", status));
  }
  if (code != CURLE_OK) throw SystemError("download", url, reason[0] != '\0' ? reason : curl_easy_strerror(code));
  const char* sent = nullptr;
  curl_easy_getinfo(curl.get(), CURLINFO_CONTENT_TYPE, &sent);
  if (type != nullptr && sent != nullptr) *type = sent;
  return Transfer::kComplete;
}

/// Holds the file that a download goes to until it is complete; removes it unless it was kept.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& target)
      : path_(fmt::format("{}.part-{}", target.string(), ::getpid())),
        stream_(path_, std::ios::binary | std::ios::trunc) {
    if (!stream_) throw SystemError("create", path_.string(), std::strerror(errno));
  }
  ~TemporaryFile() {
    stream_.close();
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  bool write(std::string_view bytes) {
    if (stream_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()))) return true;
    reason_ = std::strerror(errno);
    return false;
  }
  /// Empty as long as everything could be written.
  const std::string& reason() const { return reason_; }
  const fs::path& path() const { return path_; }

  /// Moves the complete file to its place.
  void keep_as(const fs::path& target) {
    stream_.close();
    if (!stream_) throw SystemError("write", target.string(), std::strerror(errno));
    std::error_code reason;
    fs::rename(path_, target, reason);
    if (reason) throw SystemError("replace", target.string(), reason.message());
  }

 private:
  fs::path path_;
  std::ofstream stream_;
  std::string reason_;
};

fs::path hash_path(const fs::path& target) { return target.string() + ".sha256"; }

/// Reads the recorded hash; empty when there is none.
std::string recorded_hash(const fs::path& target) {
  if (!path_exists(hash_path(target))) return {};
  const std::string text = read_text_file(hash_path(target));
  return text.substr(0, text.find_first_of(" \t\r\n"));
}

/// Records the hash in the form that `sha256sum --check` reads.
void record_hash(const fs::path& target, const std::string& hash) {
  write_text_file_atomically(hash_path(target), fmt::format("{}  {}\n", hash, target.filename().string()));
}

std::string hash_of_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw SystemError("open", path.string(), std::strerror(errno));
  Hasher hasher;
  std::vector<char> buffer(1 << 20);
  while (file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    hasher.add(std::as_bytes(std::span(buffer.data(), static_cast<std::size_t>(file.gcount()))));
  }
  return hasher.finish().to_hex();
}

/// Returns the file that is there already where its hash is the recorded one, or none was recorded yet.
std::optional<FetchedFile> present_file(const fs::path& target) {
  if (!is_file(target)) return std::nullopt;
  const std::string recorded = recorded_hash(target);
  const std::string hash = hash_of_file(target);
  if (!recorded.empty() && recorded != hash) return std::nullopt;
  if (recorded.empty()) record_hash(target, hash);
  return FetchedFile{.path = target,
                     .size_bytes = static_cast<std::int64_t>(size_of_file(target)),
                     .hash = hash,
                     .downloaded = false,
                     .first_use = recorded.empty()};
}

/// So many bytes tell what comes.
constexpr std::size_t kTellingBytes = 512;

std::string_view without_blanks(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  return text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
}

bool looks_like_a_page(std::string_view beginning) {
  std::string text(without_blanks(beginning));
  for (char& letter : text) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  static constexpr std::array kMarks{"<!doctype", "<html", "<head",  "<body", "<script",
                                     "<!--",      "<?xml", "<title", "<meta"};
  return std::any_of(kMarks.begin(), kMarks.end(), [&](const char* mark) { return text.starts_with(mark); });
}

/// Says what a file of this name would have to begin with; empty where it is right, or not known.
std::string missing_mark(std::string_view beginning, const fs::path& target) {
  if (target.extension() == ".z" && !beginning.starts_with("\x89HDF")) return "it is no HDF5 file";
  const std::string_view text = without_blanks(beginning);
  if (target.extension() == ".arff" && !text.starts_with('@') && !text.starts_with('%')) return "it is no ARFF file";
  return {};
}

/// Refuses what is certainly not the file: a page (of a login, an error, a robot check) or another kind of file.
void check_beginning(std::string_view beginning, const std::string& type, const std::string& url,
                     const fs::path& target) {
  if (looks_like_a_page(beginning) || type.starts_with("text/html") || type.starts_with("application/xhtml")) {
    throw DataError(url, "the server sent a web page instead of the file");
  }
  if (const std::string missing = missing_mark(beginning, target); !missing.empty()) {
    throw DataError(url, "the server sent something else instead of the file: " + missing);
  }
}

/// Finds the file that OpenML's description of a data set names; other addresses are returned as they are.
std::string resolve_address(const std::string& url) {
  if (url.find("/api/v1/json/data/") == std::string::npos) return url;
  constexpr std::size_t kLongestDescription = 1 << 20;
  std::string text;
  const auto receive = [&](std::string_view bytes) {
    text += bytes;
    return text.size() <= kLongestDescription;
  };
  transfer(url, receive, {});
  const nlohmann::json description = json_or_discarded<nlohmann::json>(text);
  const nlohmann::json::json_pointer pointer("/data_set_description/url");
  if (!description.is_object() || !description.contains(pointer) || !description[pointer].is_string()) {
    throw DataError(url, "the server's description of the data set names no file");
  }
  return description[pointer].get<std::string>();
}

}  // namespace

std::optional<FetchedFile> fetch_file(const std::string& url, const fs::path& target, const FetchProgress& progress) {
  if (const auto present = present_file(target)) return present;
  make_directories(target.parent_path());
  TemporaryFile file(target);
  Hasher hasher;
  std::int64_t size = 0;
  std::string beginning, type;
  const auto receive = [&](std::string_view bytes) {
    if (beginning.size() < kTellingBytes) beginning += bytes.substr(0, kTellingBytes);
    size += static_cast<std::int64_t>(bytes.size());
    hasher.add(std::as_bytes(std::span(bytes)));
    return file.write(bytes);
  };
  try {
    if (transfer(url, receive, progress, &type) == Transfer::kStopped) return std::nullopt;
  } catch (const SystemError&) {
    if (!file.reason().empty()) throw SystemError("write", file.path().string(), file.reason());
    throw;
  }
  if (size == 0) throw DataError(url, "the server sent an empty file");
  check_beginning(beginning, type, url, target);
  const std::string hash = hasher.finish().to_hex();
  const std::string recorded = recorded_hash(target);
  if (!recorded.empty() && recorded != hash) {
    throw DataError(
        url, fmt::format("the file has SHA-256 {}, but {} was recorded in {} at first use; it is not kept. Remove "
                         "that record if the file was changed on purpose",
                         hash, recorded, hash_path(target).string()));
  }
  file.keep_as(target);
  if (recorded.empty()) record_hash(target, hash);
  return FetchedFile{
      .path = target, .size_bytes = size, .hash = hash, .downloaded = true, .first_use = recorded.empty()};
}

std::optional<FetchedFile> fetch_dataset(const DatasetKind& kind, const std::string& url, const fs::path& folder,
                                         const FetchProgress& progress) {
  if (kind.file_name.empty()) {
    throw UserError(fmt::format("data set \"{}\" has nothing to download ({})", kind.name, kind.description));
  }
  const fs::path target = folder / kind.file_name;
  if (const auto present = present_file(target)) return present;
  return fetch_file(resolve_address(url.empty() ? kind.url : url), target, progress);
}

}  // namespace lathe::data
