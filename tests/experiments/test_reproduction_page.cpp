// The page of all runs: what is collected from folders, whole, damaged and hostile, and what is
// made of it; the one list of experiments.
#include <gtest/gtest.h>

#include <set>

#include "analysis/statistics.hpp"
#include "experiments/common/findings_files.hpp"
#include "experiments/common/folder.hpp"
#include "experiments/page/markdown.hpp"
#include "experiments/page/page.hpp"
#include "experiments/page/reproduction_page.hpp"
#include "experiments/sweep/process.hpp"
#include "paths.hpp"
#include "program_run.hpp"
#include "xml_check.hpp"

namespace sonde::experiments {
namespace {

namespace fs = std::filesystem;

// What a program finds: a claim of each kind, with characters that HTML and Markdown take for their
// own, and two figures.
Results findings() {
  Results r;
  const Estimate below{.value = -0.5, .ci95 = Interval{-0.75, -0.25}, .n = 4, .m = 100};
  r.claims = {judge("lower", "a < b & \"c\" | d", "difference < 0", below, Side::below),
              undecided("open", "nobody <script>looked</script>", "none", "no runs"),
              check("exact", "a = a", "= 0", Estimate::exact(0, 1, 5), true)};
  for (const char* name : {"second_by_name", "a_first_by_name"}) {
    Figure f(name, "Title & more", {.label = "x <"}, {.label = "y"});
    const double x[] = {0, 1};
    f.line("a", x, x);
    r.figures.push_back({std::move(f), std::string("Figure 7: ") + name});
  }
  return r;
}

const Paper& first_paper() {
  return papers().front();
}

// A folder of runs of two experiments of a made-up list.
class Runs {
 public:
  Runs() {
    fs::create_directories(folder_ / "bin");
    for (const char* program : {"toy", "other"}) write_bytes(folder_ / "bin/" + program, "");
  }
  fs::path path(const std::string& name) const { return folder_.path() / "runs" / name; }

  void write(const std::string& name, const std::string& program, const std::string& size = "",
             std::string paper = first_paper().reference + ", section 3, figure 7") const {
    const About about{program, "Measures & more.", std::move(paper), ""};
    RunFacts facts = facts_here(about);
    facts.seed = 3;
    facts.threads = 2;
    facts.wall_s = 61;
    Json settings{{"seed", 3}, {"seeds", 4}, {"quick", size == "quick"}, {"full", size == "full"}};
    fs::create_directories(path(name));
    write_findings(path(name), about, facts, settings, findings());
    write_bytes(path(name) / "config.json", Json{{"experiment", program},
                                                 {"command", program + " --out " + name},
                                                 {"settings", settings}}
                                                .dump());
  }
  std::vector<CollectedRun> collected(SizeClass size = SizeClass::standard) const {
    return collect({.list = {{"one", first_paper().key, "toy"},
                             {"two", first_paper().key, "other", {"--data", "cifar10"}},
                             {"three", papers()[1].key, "unbuilt"}},
                    .runs = path(""),
                    .size = size,
                    .programs = folder_.path() / "bin"});
  }
  CollectedRun first(SizeClass size = SizeClass::standard) const { return collected(size)[0]; }

 private:
  TempFolder folder_;
};

TEST(Registry, NamesAreFoldersEachItsOwnAndPapersAreThere) {
  std::set<std::string> names{"quick", "full"};  // folders of other sizes
  for (const Experiment& e : experiments()) {
    EXPECT_TRUE(names.insert(e.name).second) << e.name;
    EXPECT_EQ(e.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string::npos);
    EXPECT_TRUE(std::ranges::any_of(papers(), [&](const Paper& p) { return p.key == e.paper; }));
  }
}

// A line of the list is one that its program takes, and the paper is the one that it names.
TEST(Registry, ProgramsTakeTheirLines) {
  for (const Experiment& e : experiments()) {
    const fs::path program = own_folder() / e.program;
    if (!is_there(program)) continue;  // not built beside this test
    std::vector<std::string> words = command_of(e, SizeClass::quick, "runs");
    words[0] = program.string();
    words.emplace_back("--help");
    const Answer help = ask(words);
    EXPECT_EQ(help.status, 0) << e.name << help.err;
    const auto paper = std::ranges::find(papers(), e.paper, &Paper::key);
    EXPECT_NE(help.out.find("Paper: " + paper->reference), std::string::npos) << help.out;
  }
}

TEST(Registry, EachSizeHasItsFolder) {
  const Experiment e{"name", "key", "program", {"--data", "a set"}};
  const auto line = [&](SizeClass size) { return command_line(e, size, runs_folder(size)); };
  EXPECT_EQ(line(SizeClass::standard), "program --data 'a set' --out out/report/name");
  EXPECT_EQ(line(SizeClass::quick), "program --data 'a set' --quick --out out/report/quick/name");
  EXPECT_EQ(line(SizeClass::full), "program --data 'a set' --full --out out/report/full/name");
}

TEST(Collect, AFinishedRunIsReadBack) {
  const Runs runs;
  runs.write("one", "toy");
  const CollectedRun run = runs.first();
  ASSERT_TRUE(run.finished()) << run.reason;
  EXPECT_EQ(run.command, "toy --out one");
  EXPECT_EQ(run.facts.measures, "Measures & more.");
  EXPECT_EQ(run.facts.versions, facts_here({}).versions);
  const Results r = findings();
  ASSERT_EQ(run.claims.size(), r.claims.size());
  for (std::size_t i = 0; i < r.claims.size(); ++i)
    EXPECT_EQ(to_json(run.claims[i]), to_json(r.claims[i]));
  ASSERT_EQ(run.figures.size(), 2u);  // in the program's order, not by name
  EXPECT_EQ(run.figures[0].name, "second_by_name");
  EXPECT_EQ(run.figures[0].caption, "Figure 7: second_by_name");
  EXPECT_EQ(run.figures[0].svg, r.figures[0].figure.svg());
}

TEST(Collect, TellsWhatIsNotFinished) {
  const Runs runs;
  auto all = runs.collected();
  EXPECT_EQ(all[0].state, RunState::missing);
  EXPECT_EQ(all[2].state, RunState::no_program);
  EXPECT_EQ(all[0].command, "toy --out " + runs.path("one").string());
  runs.write("one", "toy");
  fs::remove(runs.path("one") / "summary.json");
  EXPECT_EQ(runs.first().state, RunState::begun);
  write_bytes(runs.path("one") / failure_file, "status 4: toy: it broke\n");
  EXPECT_EQ(runs.first().state, RunState::failed);
  EXPECT_EQ(runs.first().reason, "status 4: toy: it broke");
  // A quick run is never shown among others, nor another among quick ones.
  runs.write("one", "toy", "quick");
  EXPECT_EQ(runs.first().state, RunState::other_size);
  EXPECT_TRUE(runs.first().claims.empty());
  EXPECT_TRUE(runs.first(SizeClass::quick).finished());
  runs.write("one", "toy");
  EXPECT_EQ(runs.first(SizeClass::quick).state, RunState::other_size);
  EXPECT_EQ(runs.first(SizeClass::full).state, RunState::other_size);
}

TEST(Collect, MissingDataAreNamedWithTheirCure) {
  const auto all = collect(
      {.list = {{"one", "", "toy", {}, "no-such-set"}}, .runs = "/nowhere", .programs = "/bin"});
  EXPECT_EQ(all[0].state, RunState::no_program);
  const auto data = collect(
      {.list = {{"one", "", "sh", {}, "no-such-set"}}, .runs = "/nowhere", .programs = "/bin"});
  EXPECT_EQ(data[0].state, RunState::no_data);
  EXPECT_NE(data[0].reason.find("no-such-set"), std::string::npos) << data[0].reason;
  EXPECT_NE(data[0].reason.find("; give"), std::string::npos) << data[0].reason;
}

TEST(Collect, ADamagedRunNamesFileAndCauseAndHidesNoOther) {
  const Runs runs;
  struct Damage {
    const char *file, *contents, *part;
  };
  const Json no_claims{{"experiment", "toy"}, {"metrics", Json::object()}};
  for (const auto& [file, contents, part] : {
           Damage{"summary.json", "{\"experiment\": \"toy\", ", "summary.json"},
           Damage{"summary.json", "[]", "holds no object"},
           Damage{"summary.json", "{\"experiment\": \"toy\"}", "paper"},
           Damage{"summary.json", "", "summary.json"},
           Damage{"config.json", "{}", "holds no settings"},
           Damage{"config.json", "{\"settings\": {\"quick\": 3}}", "config.json"},
           Damage{"config.json", "\xff\xfe", "config.json"},
       }) {
    runs.write("one", "toy");
    runs.write("two", "other");
    write_bytes(runs.path("one") / file, contents);
    const auto all = runs.collected();
    EXPECT_EQ(all[0].state, RunState::damaged) << contents;
    EXPECT_NE(all[0].reason.find(runs.path("one").string()), std::string::npos) << all[0].reason;
    EXPECT_NE(all[0].reason.find(part), std::string::npos) << all[0].reason;
    EXPECT_TRUE(all[0].claims.empty());
    EXPECT_TRUE(all[1].finished()) << all[1].reason;
  }
}

TEST(Collect, AnotherSchemaIsDamage) {
  const Runs runs;
  runs.write("one", "toy");
  const Json good = summary_of(runs.path("one"));
  const auto with = [&](const std::function<void(Json&)>& change) {
    Json json = good;
    change(json);
    write_bytes(runs.path("one") / "summary.json", json.dump());
    return runs.first();
  };
  EXPECT_TRUE(with([](Json&) {}).finished());
  for (const auto& [part, change] : std::vector<std::pair<std::string, std::function<void(Json&)>>>{
           {"no verdict", [](Json& j) { j["claims"][0]["verdict"] = "proved"; }},
           {"statement", [](Json& j) { j["claims"][0].erase("statement"); }},
           {"integer", [](Json& j) { j["claims"][0]["n"] = 0.5; }},
           {"claims", [](Json& j) { j.erase("claims"); }},
           {"wall_s", [](Json& j) { j.erase("wall_s"); }},
           {"string", [](Json& j) { j["versions"]["compiler"] = 12; }},
           {"name of a figure", [](Json& j) { j["figures"][0]["name"] = "../../secret"; }},
           {"belongs to the experiment x", [](Json& j) { j["experiment"] = "x"; }},
       }) {
    const CollectedRun run = with(change);
    EXPECT_EQ(run.state, RunState::damaged) << part;
    EXPECT_TRUE(run.claims.empty()) << part;
    EXPECT_NE(run.reason.find(part), std::string::npos) << run.reason;
    EXPECT_NE(run.reason.find("summary.json"), std::string::npos) << run.reason;
  }
}

TEST(Collect, RunsOfEarlierVersionsShowTheirFiguresByName) {
  const Runs runs;
  runs.write("one", "toy");
  Json json = summary_of(runs.path("one"));
  for (const char* key : {"figures", "measures", "simd", "cpu", "versions"}) json.erase(key);
  write_bytes(runs.path("one") / "summary.json", json.dump());
  write_bytes(runs.path("one") / "config.json", R"({"settings": {"quick": false}})");
  const CollectedRun run = runs.first();
  ASSERT_TRUE(run.finished()) << run.reason;
  ASSERT_EQ(run.figures.size(), 2u);
  EXPECT_EQ(run.figures[0].name, "a_first_by_name");
  EXPECT_TRUE(run.command.starts_with("toy --config ")) << run.command;
}

TEST(Collect, RunsThatTheListDoesNotHaveAreTakenToo) {
  const Runs runs;
  runs.write("mine", "own", "", "Nobody, 2024");
  fs::create_directories(runs.path("notes"));
  const auto all = runs.collected();
  ASSERT_EQ(all.size(), 4u);
  EXPECT_TRUE(all[3].finished()) << all[3].reason;
  EXPECT_EQ(all[3].experiment.program, "own");
  const std::string page = page_html(all, SizeClass::standard);
  EXPECT_NE(page.find("<h2>Other runs</h2>"), std::string::npos);
  EXPECT_NE(page.find("Nobody, 2024"), std::string::npos);
}

TEST(PlainSvg, TakesWhatFiguresWriteAndNothingElse) {
  const Results r = findings();
  const std::string good = r.figures[0].figure.svg();
  EXPECT_TRUE(is_plain_svg(good));
  Figure map("map", "A map", {.label = "x"}, {.label = "y"});
  map.heat_map("m", 1, 2, std::vector<double>{0.1, 0.9});
  EXPECT_TRUE(is_plain_svg(map.svg()));
  const auto inside = [&](const std::string& more) {
    std::string svg = good;
    return svg.insert(svg.rfind("</svg>"), more);
  };
  EXPECT_TRUE(is_plain_svg(inside("<rect x=\"1\"/>")));
  EXPECT_TRUE(is_plain_svg(inside("<use href=\"#a\"/>")));
  for (const std::string& bad : {
           inside("<script>alert(1)</script>"),
           inside("<SCRIPT>alert(1)</SCRIPT>"),
           inside("<rect onclick=\"alert(1)\"/>"),
           inside("<rect ONLOAD=\"alert(1)\"/>"),
           inside("<rect onclick='alert(1)'/>"),
           inside("<rect/onclick=alert(1)>"),
           inside("<use href=\"http://example.org/a.svg#b\"/>"),
           inside("<image xlink:href=\"file:///etc/passwd\"/>"),
           inside("<image href=\"data:image/svg+xml;base64,AAAA\"/>"),
           inside("<a href=\"#x\"><text>link</text></a>"),
           inside("<style>body { display: none }</style>"),
           inside("<rect style=\"background: url(http://example.org)\"/>"),
           inside("<rect fill=\"url(http://example.org)\"/>"),
           inside("<rect fill=\"u&#114;l(http://example.org)\"/>"),
           inside("<rect STYLE=\"display: none\"/>"),
           inside("<foreignObject><p>text</p></foreignObject>"),
           inside("<!-- --><rect/>"),
           inside("<![CDATA[<script>]]>"),
           inside("</svg><p>behind</p><svg >"),
           inside("<g>"),
           good + "<p>behind</p>",
           good.substr(0, good.size() / 2),
           std::string("<p>no picture</p>"),
           std::string(),
       })
    EXPECT_FALSE(is_plain_svg(bad)) << bad.substr(bad.size() > 120 ? bad.size() - 120 : 0);
}

TEST(Page, IsWellFormedAndEscapesWhatRunsSay) {
  const Runs runs;
  runs.write("one", "toy");
  runs.write("two", "other");
  const std::string page = page_html(runs.collected(), SizeClass::standard);
  const std::string start = "<!DOCTYPE html>\n";
  ASSERT_TRUE(page.starts_with(start));
  EXPECT_EQ(xml_problem(page.substr(start.size())), "");
  EXPECT_EQ(page, page_html(runs.collected(), SizeClass::standard));
  for (const char* outside : {"<script", "http-equiv", "src=", "@import", "url(", "href=\"/"})
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  for (const char* part :
       {"a &lt; b &amp; &quot;c&quot; | d", "nobody &lt;script&gt;looked", "difference &lt; 0",
        "95 % interval -0.75 to -0.25", "n = 4, m = 100", "no runs", "toy --out one",
        "href=\"one/report.html\"", "href=\"two/figures/second_by_name.csv\"",
        "Hahn, Rofin 2024, section 3, figure 7", "seeds 3 to 6; 1 min 01 s with 2 threads",
        "2 reproduced", "2 inconclusive", "2 pass", "2 of 3 experiments finished",
        "Figure 7:", "no program", "Measures &amp; more."})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  EXPECT_LT(page.find("Figure 7: second_by_name"), page.find("Figure 7: a_first_by_name"));
  EXPECT_EQ(page.find("These are quick runs"), std::string::npos);
}

TEST(Page, PicturesOfTwoRunsDoNotShareNames) {
  const Runs runs;
  runs.write("one", "toy");
  runs.write("two", "other");
  auto all = runs.collected();
  const std::string svg =
      "<svg viewBox=\"0 0 1 1\"><defs><image id=\"p\" href=\"data:image/png;base64,A\"/></defs>"
      "<use href=\"#p\"/></svg>";
  all[0].figures[0].svg = all[1].figures[0].svg = svg;
  const std::string page = page_html(all, SizeClass::standard);
  for (const char* part : {" id=\"one-p\"", "href=\"#one-p\"", " id=\"two-p\"", "href=\"#two-p\""})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  EXPECT_EQ(page.find("\"#p\""), std::string::npos);
}

TEST(Page, AFigureThatIsNoPictureIsLeftOutWithTheReason) {
  const Runs runs;
  runs.write("one", "toy");
  write_bytes(runs.path("one") / "figures/second_by_name.svg", "<svg ><script/></svg>");
  fs::remove(runs.path("one") / "figures/a_first_by_name.svg");
  const CollectedRun run = runs.first();
  ASSERT_TRUE(run.finished());
  EXPECT_NE(run.figures[0].reason.find("is no picture"), std::string::npos);
  EXPECT_NE(run.figures[1].reason.find("No such file"), std::string::npos) << run.figures[1].reason;
  const std::string page = page_html({run}, SizeClass::standard);
  EXPECT_NE(page.find("second_by_name is not shown: "), std::string::npos);
  EXPECT_EQ(page.find("<script"), std::string::npos);
}

TEST(Page, OptionsThatAreNotTheListsAreTold) {
  const Runs runs;
  runs.write("two", "other");  // without --data cifar10
  const std::string page = page_html(runs.collected(), SizeClass::standard);
  EXPECT_NE(page.find("Its options are not those of the list: other --data cifar10"),
            std::string::npos);
  CollectedRun run{.experiment = {}, .state = RunState::finished};
  run.listed = "p --data cifar10 --out a";
  for (const char* same :
       {"p --data cifar10 --out b", "p --threads 3 --quiet --data cifar10 --out=b"}) {
    run.command = same;
    EXPECT_FALSE(has_other_options(run)) << same;
  }
  for (const char* other :
       {"p --out b", "p --data cifar10 --seeds 2 --out b", "p --quick --out a"}) {
    run.command = other;
    EXPECT_TRUE(has_other_options(run)) << other;
  }
}

TEST(Page, QuickRunsAreNamed) {
  const Runs runs;
  runs.write("one", "toy", "quick");
  EXPECT_NE(page_html(runs.collected(SizeClass::quick), SizeClass::quick).find("These are quick"),
            std::string::npos);
  const std::string page = page_html(runs.collected(), SizeClass::standard);
  EXPECT_NE(page.find("of other size: a quick run"), std::string::npos);
  EXPECT_EQ(page.find("Hahn, Rofin 2024, section 3"), std::string::npos);
}

TEST(Markdown, HasARowAClaimAndTakesItsPlace) {
  const Runs runs;
  runs.write("one", "toy");
  const std::string table = claims_markdown(runs.collected());
  EXPECT_NE(table.find("| a \\< b & \"c\" \\| d | difference \\< 0 | -0.5 \\[-0.75, -0.25\\]; n = "
                       "4, m = 100 | reproduced |"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("| none | inconclusive: no runs |"), std::string::npos) << table;
  EXPECT_NE(table.find("### two\n\n```\nother --data cifar10 --out out/report/two\n"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("Not run."), std::string::npos) << table;
  const std::string page = "# Title\n<!-- claims -->\nold\n<!-- end -->\nrest\n";
  EXPECT_EQ(with_claims(page, "new\n", "page"),
            "# Title\n<!-- claims -->\nnew\n<!-- end -->\nrest\n");
  for (const char* wrong : {"", "<!-- claims -->\n", "<!-- end -->\n<!-- claims -->\n",
                            "<!-- claims -->\n<!-- claims -->\n<!-- end -->\n"})
    EXPECT_THROW(with_claims(wrong, "new\n", "page"), Error) << wrong;
}

// A share of all has no standard error, and still an interval.
TEST(Markdown, OnlyWhatIsExactIsCalledSo) {
  CollectedRun run{.experiment = {"one", "hardness", "toy"}, .state = RunState::finished};
  run.claims = {check("all", "all of ten", "", proportion(10, 10), true),
                check("sum", "counted", "", Estimate::exact(1), true)};
  const std::string table = claims_markdown({run});
  EXPECT_NE(table.find("| 1 \\[0.722, 1\\]; n = 1, m = 10 | pass |"), std::string::npos) << table;
  EXPECT_NE(table.find("| 1 exact; n = 1 | pass |"), std::string::npos) << table;
}

// docs/reproduction.md has each experiment of the list, in its order, with its line, and no other.
TEST(Markdown, ThePageOfTheDocumentsIsInStepWithTheList) {
  const std::string file = ::sonde::testing::source_dir() + "/docs/reproduction.md";
  const std::string page = read_text(file);
  EXPECT_EQ(with_claims(page, "", file).find("\n### "), std::string::npos);
  std::vector<std::string> found, expected;
  for (std::size_t at = 0; (at = page.find("\n### ", at)) != std::string::npos;) {
    const std::size_t end = page.find("\n```\n\n", at);
    ASSERT_NE(end, std::string::npos);
    found.push_back(page.substr(at, end - at));
    at = end;
  }
  for (const Paper& paper : papers()) {
    EXPECT_NE(page.find("\n## " + paper.title + "\n\n" + paper.reference + "\n"),
              std::string::npos);
    for (const Experiment& e : experiments())
      if (e.paper == paper.key)
        expected.push_back("\n### " + e.name + "\n\n```\n" +
                           command_line(e, SizeClass::standard, "out/report"));
  }
  EXPECT_EQ(found, expected)
      << "build/release/bin/reproduction_page --markdown docs/reproduction.md";
}

TEST(Program, WritesItsPageAndTellsDamage) {
  const Runs runs;
  const std::string folder = runs.path("").string();
  const std::vector<std::string> words{"--runs", folder, "--programs", "/nowhere"};
  const auto run = [&](const std::vector<std::string>& more) {
    return run_program_with(reproduction_page, overridden(words, more));
  };
  EXPECT_EQ(run({}).code, 0);
  EXPECT_EQ(xml_problem(read_bytes(folder + "/index.html").substr(16)), "");
  fs::create_directories(runs.path("boolean_scaling"));
  write_bytes(runs.path("boolean_scaling") / "config.json", "{");
  expect_told(run({}), 3,
              {"boolean_scaling: ", "config.json", "hint: remove its folder and make it again",
               "boolean_scaling --out"});
  EXPECT_NE(read_bytes(folder + "/index.html").find("damaged: "), std::string::npos);
  const Ended listed = run({"--list"});
  EXPECT_EQ(listed.code, 0);
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(listed.out, '\n')), experiments().size());
  EXPECT_NE(listed.out.find("boolean_scaling\tdamaged\tboolean_scaling\t--out\t"),
            std::string::npos)
      << listed.out;
  for (const char* word : {"--help", "--version"}) EXPECT_EQ(run({word}).code, 0);
}

TEST(Program, AFigureThatIsLeftOutIsTold) {
  const Runs runs;
  runs.write("boolean_scaling", "boolean_scaling");
  write_bytes(runs.path("boolean_scaling") / "figures/second_by_name.svg", "<svg ><script/></svg>");
  expect_told(run_program_with(reproduction_page,
                               {"--runs", runs.path("").string(), "--programs", "/nowhere"}),
              3, {"boolean_scaling: ", "second_by_name.svg is no picture", "hint: "});
}

TEST(Program, BadUsageAndFilesAreOneLine) {
  const auto run = [](std::vector<std::string> words) {
    return run_program_with(reproduction_page, std::move(words));
  };
  expect_told(run({"--quick", "--full"}), 2, {"--help lists the options"});
  expect_told(run({"--sigma", "3"}), 2, {"--help lists the options"});
  expect_told(run({"--runs", "/dev/null/runs"}), 3, {"/dev/null/runs", "Not a directory"});
  expect_told(run({"--runs", "/nowhere", "--markdown", "/nowhere/page.md"}), 3,
              {"/nowhere/page.md", "No such file"});
  TempFolder folder;
  write_bytes(folder / "page.md", "# No place\n");
  expect_told(run({"--runs", "/nowhere", "--markdown", folder / "page.md"}), 3,
              {"page.md", "no place", "hint: put one line '<!-- claims -->'"});
  fs::create_directories(folder / "runs/index.html");  // a folder in the page's place
  expect_told(run({"--runs", folder / "runs"}), 3, {"index.html"});
}

}  // namespace
}  // namespace sonde::experiments
