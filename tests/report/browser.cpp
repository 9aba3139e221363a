#include "report/browser.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace sonde {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void give_up(const std::string& what) {
  throw std::runtime_error("browser: " + what);
}

// In the child: descriptors 3 and 4 are where Chromium reads and writes.
[[noreturn]] void become(const std::string& program, int in, int out, const std::string& profile) {
  setpgid(0, 0);
  // First out of the way of 3 and 4 themselves.
  const int high_in = fcntl(in, F_DUPFD, 10), high_out = fcntl(out, F_DUPFD, 10);
  dup2(high_in, 3);
  dup2(high_out, 4);
  dup2(open("/dev/null", O_RDWR), 1);
  dup2(1, 2);
  const std::string folder = "--user-data-dir=" + profile;
  // No sandbox: the pages are our own, and inside containers there is none to be had.
  const std::array<const char*, 10> arguments{program.c_str(),
                                              "--headless",
                                              "--no-sandbox",
                                              "--disable-gpu",
                                              "--disable-dev-shm-usage",
                                              "--hide-scrollbars",
                                              "--no-first-run",
                                              "--remote-debugging-pipe",
                                              folder.c_str(),
                                              nullptr};
  execv(program.c_str(), const_cast<char* const*>(arguments.data()));
  _exit(127);
}

}  // namespace

std::optional<fs::path> Browser::program() {
  if (const char* named = std::getenv("SONDE_CHROMIUM")) return named;
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (const fs::path file = fs::path(folder) / "chromium"; access(file.c_str(), X_OK) == 0)
      return file;
  return {};
}

Browser::Browser(const fs::path& program) {
  std::string folder = (fs::temp_directory_path() / "sonde-browser.XXXXXX").string();
  if (!mkdtemp(folder.data())) give_up("no temporary folder");
  profile_ = folder;
  try {
    start(program);
  } catch (...) {
    end();
    throw;
  }
}

Browser::~Browser() {
  end();
}

void Browser::start(const fs::path& program) {
  std::array<int, 2> down{}, up{};
  if (pipe2(down.data(), O_CLOEXEC) != 0 || pipe2(up.data(), O_CLOEXEC) != 0) give_up("no pipe");
  to_ = down[1];
  from_ = up[0];
  signal(SIGPIPE, SIG_IGN);
  pid_ = fork();
  if (pid_ == 0) become(program, down[0], up[1], profile_.string());
  close(down[0]);
  close(up[1]);
  if (pid_ < 0) give_up("no process");
  const Json target = call("Target.createTarget", {{"url", "about:blank"}});
  session_ = call("Target.attachToTarget", {{"targetId", target.at("targetId")}, {"flatten", true}})
                 .at("sessionId");
  for (const char* domain : {"Page", "Runtime", "Log", "Network"})
    call(std::string(domain) + ".enable", Json::object());
}

// The browser is the head of a group of processes, which end with it.
void Browser::end() {
  if (pid_ > 0) {
    kill(-pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  for (int pipe : {to_, from_})
    if (pipe >= 0) close(pipe);
  std::error_code ignored;  // a last process may still write
  fs::remove_all(profile_, ignored);
}

Browser::Json Browser::next_message() {
  for (;;) {
    if (const auto end = buffer_.find('\0'); end != std::string::npos) {
      Json message = Json::parse(buffer_.substr(0, end));
      buffer_.erase(0, end + 1);
      return message;
    }
    pollfd ready{from_, POLLIN, 0};
    constexpr int patience = 120'000;  // milliseconds, only to end where the browser hangs
    if (poll(&ready, 1, patience) <= 0) give_up("no answer");
    std::array<char, 65536> part;
    const ssize_t n = read(from_, part.data(), part.size());
    if (n <= 0) give_up("it ended");
    buffer_.append(part.data(), static_cast<std::size_t>(n));
  }
}

// Keeps what has to be known about a message that answers nothing.
void Browser::note(const Json& message) {
  const std::string method = message.value("method", "");
  const Json p = message.value("params", Json::object());
  seen_events_.push_back(method);
  if (method == "Runtime.consoleAPICalled" && p.at("type") == "error")
    noted_.push_back("console: " + p.at("args").dump());
  if (method == "Runtime.exceptionThrown")
    noted_.push_back("console: " + p.at("exceptionDetails").value("text", ""));
  if (method == "Log.entryAdded" && p.at("entry").at("level") == "error")
    noted_.push_back("console: " + p.at("entry").value("text", ""));
  if (method == "Network.requestWillBeSent") {
    const std::string url = p.at("request").at("url");
    if (url != page_ && !url.starts_with("data:")) noted_.push_back("request: " + url);
  }
}

Browser::Json Browser::call(const std::string& method, Json parameters) {
  const std::int64_t id = ++last_id_;
  Json message{{"id", id}, {"method", method}, {"params", std::move(parameters)}};
  if (!session_.empty()) message["sessionId"] = session_;
  const std::string text = message.dump() + '\0';
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t n = write(to_, text.data() + sent, text.size() - sent);
    if (n <= 0) give_up("it ended");
    sent += static_cast<std::size_t>(n);
  }
  for (;;) {
    const Json answer = next_message();
    if (answer.value("id", std::int64_t{0}) != id) {
      note(answer);
      continue;
    }
    if (answer.contains("error")) give_up(method + ": " + answer["error"].dump());
    return answer.at("result");
  }
}

void Browser::wait_for(const std::string& event) {
  while (std::ranges::find(seen_events_, event) == seen_events_.end()) note(next_message());
}

std::vector<std::string> Browser::problems(const fs::path& page, const View& view,
                                           const std::string& probe) {
  page_ = "file://" + fs::absolute(page).string();
  call("Emulation.setDeviceMetricsOverride",
       {{"width", view.width}, {"height", 800}, {"deviceScaleFactor", 1}, {"mobile", false}});
  call("Emulation.setEmulatedMedia",
       {{"media", view.print ? "print" : "screen"},
        {"features",
         {{{"name", "prefers-color-scheme"}, {"value", view.dark ? "dark" : "light"}}}}});
  seen_events_.clear();
  noted_.clear();
  call("Page.navigate", {{"url", page_}});
  wait_for("Page.loadEventFired");
  const std::string script = "(" + probe + ")(" + std::to_string(view.width) + ", " +
                             (view.print ? "true" : "false") + ")";
  const Json answer = call("Runtime.evaluate", {{"expression", script}, {"returnByValue", true}});
  if (answer.contains("exceptionDetails")) give_up(answer["exceptionDetails"].dump());
  std::vector<std::string> found = answer.at("result").at("value");
  found.insert(found.end(), noted_.begin(), noted_.end());
  return found;
}

}  // namespace sonde
