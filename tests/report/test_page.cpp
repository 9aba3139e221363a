// The report as a person sees it: laid out by headless Chromium on a phone, on a desk, in the dark
// and for print. Each check of the probe is shown to fail on a page planted for it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "paths.hpp"
#include "report/browser.hpp"
#include "report/pages.hpp"
#include "temp_folder.hpp"

namespace sonde {
namespace {

constexpr int phone = 360, desk = 1280, a4 = 688;  // of A4, what lies between margins of 14 mm

class Looked : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto program = Browser::program();
    if (!program)
      GTEST_SKIP() << "NOBODY LOOKED AT THE REPORT: there is no chromium here. "
                      "apt-get install chromium, or name one in SONDE_CHROMIUM";
    browser_.emplace(*program);
  }

  std::vector<std::string> problems(const std::string& html, const View& view) {
    const std::string file = folder_ / "page.html";
    write_bytes(file, html);
    return browser_->problems(file, view, probe_);
  }

 private:
  TempFolder folder_;
  const std::string probe_ = read_bytes(testing::source_dir() + "/tests/report/probe.js");
  std::optional<Browser> browser_;
};

std::string described(const View& v) {
  return std::to_string(v.width) + " pixels" + (v.dark ? ", dark" : "") +
         (v.print ? ", print" : "");
}

TEST_F(Looked, EveryReportIsReadableAtEveryWidthInTheLightAndInTheDark) {
  const char* kept = std::getenv("SONDE_KEEP_PAGES");  // a folder, for a person to look at them
  for (const auto& [name, html] : experiments::report_pages()) {
    if (kept) write_bytes(std::string(kept) + "/" + name + ".html", html);
    for (const View& view : {View{phone}, View{phone, true}, View{desk}, View{desk, true},
                             View{a4, false, true}, View{a4, true, true}})
      for (const std::string& problem : problems(html, view))
        ADD_FAILURE() << name << " at " << described(view) << ": " << problem;
  }
}

struct Planted {
  const char* check;  // the one that finds it
  const char* body;
  View view{phone};
};

std::string planted_page(const std::string& body) {
  return "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"/><title>t</title>"
         "<style>:root { color-scheme: light dark } body { background: #fff; color: #000 }"
         "@media screen and (prefers-color-scheme: dark) { body { background: #111; color: #eee } }"
         "</style></head><body><h1>Page</h1>" +
         body + "</body></html>";
}

std::string svg(const std::string& inside) {
  return "<svg viewBox=\"0 0 300 100\" width=\"300\"><title>t</title><desc>d</desc>" + inside +
         "</svg>";
}

TEST_F(Looked, APageWithoutFaultsHasNoProblems) {
  const std::string good = planted_page(
      "<p>Text</p><div style=\"overflow-x: auto\"><p style=\"width: 2000px\">wide</p></div>" +
      svg("<rect width=\"300\" height=\"100\" fill=\"#222\"/><text x=\"10\" y=\"50\" "
          "fill=\"#fff\">a</text><text x=\"10\" y=\"80\" fill=\"#fff\">b</text>"));
  for (const View& view : {View{phone}, View{desk, true}, View{a4, false, true}})
    EXPECT_EQ(problems(good, view), std::vector<std::string>{}) << described(view);
}

TEST_F(Looked, EveryPlantedFaultIsFound) {
  const std::string touching =
                        svg("<text x=\"9\" y=\"50\">one</text><text x=\"12\" y=\"52\">two</text>"),
                    cut = svg("<text x=\"290\" y=\"50\">beyond the edge</text>"),
                    small =
                        svg("<g transform=\"scale(0.5)\"><text x=\"9\" y=\"50\">small</text></g>"),
                    on_grey =
                        svg("<rect width=\"300\" height=\"100\" fill=\"#fff\"/>"
                            "<rect width=\"300\" height=\"100\" fill=\"#000\" "
                            "fill-opacity=\"0.6\"/><text x=\"9\" y=\"50\">black</text>"),
                    fixed_ink = svg("<text x=\"9\" y=\"50\" fill=\"#222\">dark</text>");
  const Planted pages[] = {
      {"width", "<div style=\"width: 2000px; height: 5px\"></div>"},
      {"width",
       "<p>"
       "aVeryLongWordWithoutABreakInItThatIsWiderThanAnyPhoneCouldEverBeHeldByAnyone</p>"},
      {"outside", "<p style=\"position: absolute; left: -50px\">half of it is gone</p>"},
      {"outside", "<div style=\"overflow: hidden\"><p style=\"width: 900px\">cut away</p></div>"},
      {"cut", cut.c_str()},
      {"overlap", touching.c_str()},
      {"contrast", "<p style=\"color: #999\">pale</p>"},
      {"contrast", "<p style=\"color: #333\">pale in the dark alone</p>", {phone, true}},
      {"contrast", on_grey.c_str()},
      {"contrast", fixed_ink.c_str(), {desk, true}},
      {"size", "<p style=\"font-size: 9px\">small</p>"},
      {"size", small.c_str()},
      {"size", "<details><summary>more</summary><p style=\"font-size: 9px\">folded</p></details>"},
      {"empty", "<img alt=\"broken\" src=\"data:image/png;base64,AAAA\"/>"},
      {"empty", "<svg width=\"0\" height=\"9\"><title>t</title><desc>d</desc></svg>"},
      {"name", "<svg width=\"9\" height=\"9\"><title>t</title></svg>"},
      {"name",
       "<img style=\"width: 9px; height: 9px\" src=\"data:image/gif;base64,"
       "R0lGODlhAQABAIAAAP8AAP///yH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==\"/>"},
      {"heading", "<h3>after the first</h3>"},
      {"heading", "<h1>again</h1>"},
      {"script", "<script>void 0</script>"},
      {"console", "<script>console.error('bad')</script>"},
      {"console", "<script>throw new Error('bad')</script>"},
      {"request", "<link rel=\"stylesheet\" href=\"http://localhost:9/style.css\"/>"},
      {"request", "<img alt=\"x\" src=\"file:///nowhere/picture.png\"/>"},
      {"tall", "<figure><div style=\"height: 1200px\"></div></figure>", {a4, false, true}},
  };
  for (const auto& [check, body, view] : pages) {
    const auto found = problems(planted_page(body), view);
    const std::string prefix = std::string(check) + ": ";
    EXPECT_TRUE(
        std::ranges::any_of(found, [&](const std::string& p) { return p.starts_with(prefix); }))
        << check << " is not among the " << found.size() << " problems of " << body;
    // Where there is no script and no picture that fails to load, it is the only one.
    for (const std::string& p : found)
      EXPECT_TRUE(p.starts_with(prefix) || std::string_view(body).find("<script") == 0 ||
                  std::string_view(body).find("<img") == 0 || p.starts_with("console: ") ||
                  p.starts_with("outside: "))
          << body << ": " << p;
  }
}

TEST(Browser, OneThatDoesNotStartIsAnError) {
  EXPECT_THROW(Browser("/bin/false"), std::runtime_error);
}

}  // namespace
}  // namespace sonde
