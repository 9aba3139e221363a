// Zip archives of .npy members.
#include "tests/hostile/builders.hpp"
#include "tests/hostile/samples.hpp"

namespace sonde::hostile {
namespace {

std::string array(const std::string& shape, std::size_t bytes, const std::string& type = "<f4") {
  return npy_file(npy_dict(shape, type), counting(bytes));
}

const std::string two = array("(2,)", 8);

std::vector<Sample> good() {
  std::vector<Sample> out{
      {"no member", zip_file({})},
      {"one member", zip_file({{"a.npy", two}})},
      {"two members", zip_file({{"a.npy", two}, {"b.npy", array("(3,)", 12)}})},
      {"deflated", zip_file({{"a.npy", two, true}})},
      {"deflated zeros",
       zip_file({{"a.npy", npy_file(npy_dict("(65536,)"), std::string(262144, '\0')), true}})},
      {"both kinds", zip_file({{"a.npy", two, true}, {"b.npy", two}})},
      {"empty name", zip_file({{".npy", two}})},
      {"wide directory", zip_file({{"a.npy", two}}, {.wide = true})},
      {"comment", zip_file({{"a.npy", two}}, {.comment = "words"})},
      {"end mark in the comment", zip_file({{"a.npy", two}}, {.comment = "PK\5\6"})},
      // Names are keys and never become paths.
      {"path to the parent", zip_file({{"../../etc/passwd.npy", two}})},
      {"absolute path", zip_file({{"/etc/passwd.npy", two}})},
      {"path with backslashes", zip_file({{"..\\..\\x.npy", two}})},
      {"name in UTF-8", zip_file({{"\xc3\xa4.npy", two, false, -1, -1, -1, 0x800}})},
      {"nul in the name", zip_file({{std::string("a\0b.npy", 7), two}})},
      {"name of 1000 bytes", zip_file({{std::string(1000, 'n') + ".npy", two}})},
  };
  for (const char* type : {"<f4", ">f4", "<f8", ">f8", "<i4", "<i8", "<f2", "|u1", "|b1", "<V2"})
    out.push_back(
        {std::string("type ") + (type[0] == '>' ? "big " : "") + (type + 1),
         zip_file(
             {{"x.npy", array("(2, 3)", static_cast<std::size_t>(6 * (type[2] - '0')), type)}})});
  for (int n : {5, 10, 16}) {
    std::vector<ZipMember> members;
    for (int i = 0; i < n; ++i) members.push_back({std::to_string(i) + ".npy", two, i % 2 == 1});
    out.push_back({std::to_string(n) + " members", zip_file(members)});
  }
  return out;
}

std::vector<Sample> hostile_members() {
  std::string damaged = zip_file({{"a.npy", two}});
  damaged[damaged.find(two) + two.size() - 1] ^= 1;
  const std::string bomb = npy_file(npy_dict("(16,)"), std::string(1 << 20, '\0'));
  return {
      {"name twice", zip_file({{"a.npy", two}, {"a.npy", two}}), "twice"},
      {"no npy ending", zip_file({{"a.txt", two}}), "not an .npy file"},
      {"folder", zip_file({{"a/", ""}}), "not an .npy file"},
      {"no name", zip_file({{"", two}}), "not an .npy file"},
      {"not UTF-8", zip_file({{"\xff\xfe.npy", two, false, -1, -1, -1, 0x800}}), ""},
      {"member is text", zip_file({{"a.npy", "some words of text"}}), "does not begin"},
      {"member is empty", zip_file({{"a.npy", ""}}), "ends early"},
      {"member is a pickle", zip_file({{"a.npy", array("(1,)", 8, "|O8")}}), "not supported"},
      {"member claims more", zip_file({{"a.npy", array("(3,)", 8)}}), "takes 12 bytes"},
      {"member holds more", zip_file({{"a.npy", array("(1,)", 8)}}), "takes 4 bytes"},
      {"product wraps to 0", zip_file({{"a.npy", array("(4294967296, 4294967296)", 0)}}),
       "overflows"},
      {"header of 2^32-1", zip_file({{"a.npy", npy_file("", "", 2, 0xffffffff)}}), "at most 10000"},
      {"damaged element", damaged, "CRC"},
      {"wrong checksum", zip_file({{"a.npy", two, false, -1, 1}}), "CRC"},
      {"wrong checksum, deflated", zip_file({{"a.npy", two, true, -1, 1}}), "CRC"},
      {"bomb behind a small header", zip_file({{"a.npy", bomb, true}}), "takes 64 bytes"},
      {"claims a larger size", zip_file({{"a.npy", two, true, 1 << 30}}), "takes 8 bytes"},
      {"claims a smaller size", zip_file({{"a.npy", two, true, 80}}), "takes 8 bytes"},
      {"claims 4 GiB", zip_file({{"a.npy", two, true, 0xfffffffe}}), ""},
      {"encrypted", zip_file({{"a.npy", two, false, -1, -1, -1, 1}}), ""},
      {"unknown method", zip_file({{"a.npy", two, false, -1, -1, 99}}), ""},
      {"method stored, data deflated", zip_file({{"a.npy", two, true, -1, -1, 0}}), ""},
      {"method deflated, data stored", zip_file({{"a.npy", two, false, -1, -1, 8}}), ""},
      {"offset past the end", zip_file({{"a.npy", two, false, -1, -1, -1, 0, 1'000'000}}), ""},
      {"offset of 2^32-1", zip_file({{"a.npy", two, false, -1, -1, -1, 0, 0xffffffff}}), ""},
      {"two members in one place",
       zip_file({{"a.npy", two}, {"b.npy", two, false, -1, -1, -1, 0, 0}})},
  };
}

std::vector<Sample> hostile_directories() {
  const std::string one = zip_file({{"a.npy", two}});
  const std::string end = one.substr(one.size() - 22);
  return {
      {"nothing", "", "is empty"},
      {"no zip", std::string(100, 'x'), "zip"},
      {"only an end mark", "PK\5\6", ""},
      {"two members claimed", zip_file({{"a.npy", two}}, {.members = 2}), ""},
      {"65535 members claimed", zip_file({{"a.npy", two}}, {.members = 65535}), ""},
      {"2^16 + 1 members claimed", zip_file({{"a.npy", two}}, {.members = 65537, .wide = true}),
       "more than 65536 members"},
      {"2^32 members claimed", zip_file({{"a.npy", two}}, {.members = 1LL << 32, .wide = true}),
       "more than 65536 members"},
      {"2^62 members claimed", zip_file({{"a.npy", two}}, {.members = 1LL << 62, .wide = true}),
       "more than 65536 members"},
      {"directory too short", zip_file({{"a.npy", two}}, {.directory_size = 10}), ""},
      {"directory past the end", zip_file({{"a.npy", two}}, {.directory_size = 1 << 30}), ""},
      {"directory at 2^31", zip_file({{"a.npy", two}}, {.directory_offset = 1LL << 31}), ""},
      {"wide directory at 2^62",
       zip_file({{"a.npy", two}}, {.directory_offset = 1LL << 62, .wide = true}), ""},
      {"wide directory of 2^63-1",
       zip_file({{"a.npy", two}}, {.directory_size = INT64_MAX, .wide = true}), ""},
      {"seventeen ends", one + repeated(end, 16), "more than 16 ends"},
      {"a hundred ends", one + repeated(end, 99), "more than 16 ends"},
      {"cut in the end", one.substr(0, one.size() - 3), ""},
      {"cut in the directory", one.substr(0, one.size() - 40), "zip"},
      {"cut in the member", one.substr(0, 60), "zip"},
      {"text in front", "text" + one, ""},
  };
}

}  // namespace

std::vector<Sample> npz_samples() {
  std::vector<Sample> out = good();
  for (Sample& s : hostile_members()) out.push_back(std::move(s));
  for (Sample& s : hostile_directories()) out.push_back(std::move(s));
  return out;
}

}  // namespace sonde::hostile
