// .npy files.
#include "tests/hostile/builders.hpp"
#include "tests/hostile/samples.hpp"

namespace sonde::hostile {
namespace {

std::vector<Sample> hostile() {
  const std::string eight(8, '\0');
  return {
      {"nothing", "", "ends early"},
      {"other file", std::string("PK\3\4aaaaaaaaaaaaaaa"), "does not begin"},
      {"version 4", npy_file(npy_dict("(2,)"), eight, 4), "version 4.0"},
      {"version 0", npy_file(npy_dict("(2,)"), eight, 0), "version 0.0"},
      {"cut in the length", std::string("\x93NUMPY\1\0\x10", 9), "ends early"},
      {"12 bytes ask for 4 GiB", npy_file("", "", 2, 0xffffffff), "at most 10000"},
      {"header past the end", npy_file("{", "", 2, 9000), "ends early"},
      {"header longer than NumPy's limit", npy_file(npy_dict("(2,)"), eight, 1, 10001),
       "at most 10000"},
      {"too few bytes", npy_file(npy_dict("(3,)"), eight), "takes 12 bytes"},
      {"too many bytes", npy_file(npy_dict("(1,)"), eight), "takes 4 bytes"},
      {"petabytes", npy_file(npy_dict("(1000000000000000,)"), eight), "takes 4000000000000000"},
      {"product wraps to 0", npy_file(npy_dict("(4294967296, 4294967296)"), ""), "overflows"},
      {"bytes wrap", npy_file(npy_dict("(4611686018427387905,)"), eight), "overflows"},
      {"zero beside an overflow", npy_file(npy_dict("(0, 4294967296, 4294967296, 2)"), ""),
       "overflows"},
      {"size beyond 2^63", npy_file(npy_dict("(9223372036854775808,)"), eight), "not a number"},
      {"negative size", npy_file(npy_dict("(-2,)"), eight), "not a number"},
      {"rank 9", npy_file(npy_dict("(1,1,1,1,1,1,1,1,2)"), eight), "8 dimensions"},
      {"pickle", npy_file(npy_dict("(1,)", "|O"), eight), "not supported"},
      {"complex", npy_file(npy_dict("(1,)", "<c8"), eight), "not supported"},
      {"text type", npy_file(npy_dict("(1,)", "<U2"), eight), "not supported"},
      {"odd byte order", npy_file(npy_dict("(2,)", "?f4"), eight), "not supported"},
      {"structured type",
       npy_file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", eight),
       "quoted"},
      {"key twice",
       npy_file("{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (2,)}", eight),
       "twice"},
      {"key missing", npy_file("{'descr': '<f4', 'shape': (2,)}", eight), "missing"},
      {"unknown key",
       npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", eight),
       "unknown key"},
      {"code after the dictionary", npy_file(npy_dict("(2,)") + "import os", eight),
       "after the dictionary"},
      {"call instead of a literal",
       npy_file("{'descr': '<f4', 'fortran_order': f(), 'shape': (2,)}", eight), "True or False"},
      {"no end", npy_file("{'descr': '<f4", eight), "does not end"},
      {"only a brace", npy_file("{", eight), "quoted"},
      {"empty header", npy_file("", eight), "expected"},
      {"shape of commas", npy_file(npy_dict("(,)"), eight), "not a number"},
      {"nested shape", npy_file(npy_dict("((2,),)"), eight), "not a number"},
      {"2^63 elements", npy_file(npy_dict("(2147483648, 4294967296)"), ""), "overflows"},
      {"2^32 elements", npy_file(npy_dict("(4294967296,)"), eight), "takes 17179869184 bytes"},
      {"Fortran order that wraps",
       npy_file(npy_dict("(4294967296, 4294967296)", "<f4", "True"), ""), "overflows"},
      {"big-endian pickle", npy_file(npy_dict("(1,)", ">O8"), eight), "not supported"},
      {"datetime", npy_file(npy_dict("(1,)", "<M8[s]"), eight), "not supported"},
      {"length of 2^31", npy_file(npy_dict("(2,)"), eight, 3, 0x80000000), "at most 10000"},
      {"version 2 with a header of one byte", npy_file("{", eight, 2, 1), "quoted"},
      {"nul in the header", npy_file(npy_dict("(2,)") + '\0', eight), "after the dictionary"},
      {"size of a thousand digits", npy_file(npy_dict("(" + std::string(1000, '9') + ",)"), eight),
       "not a number"},
      {"truncated magic", "\x93NUM", "ends early"},
  };
}

// Version 1 of every type and byte order, and other ways to write the same header.
std::vector<Sample> good() {
  std::vector<Sample> out;
  for (const char* type : {"<f4", ">f4", "<f8", ">f8", "<i4", ">i4", "<i8", ">i8", "<f2", ">f2",
                           "|u1", "|b1", "<V2"}) {
    const auto bytes = static_cast<std::size_t>(6 * (type[2] - '0'));
    out.push_back({std::string("type ") + (type[0] == '>' ? "big " : "") + (type + 1),
                   npy_file(npy_dict("(2, 3)", type), counting(bytes))});
  }
  const std::string eight = counting(8);
  for (const Sample& s : std::initializer_list<Sample>{
           {"scalar", npy_file(npy_dict("()"), counting(4))},
           {"zero elements", npy_file(npy_dict("(3, 0, 2)"), "")},
           {"Fortran order", npy_file(npy_dict("(2, 3)", "<f4", "True"), counting(24))},
           {"Fortran order big-endian", npy_file(npy_dict("(2, 3)", ">f4", "True"), counting(24))},
           {"version 2", npy_file(npy_dict("(2,)"), eight, 2)},
           {"version 3", npy_file(npy_dict("(2,)"), eight, 3)},
           {"Python 2", npy_file(npy_dict("(2L,)"), eight)},
           {"no space", npy_file("{'descr':'<f4','fortran_order':False,'shape':(2,)}", eight)},
           {"double quotes",
            npy_file("{\"shape\":(2,),\"descr\":\"<f4\",\"fortran_order\":False}", eight)},
           {"padded", npy_file(npy_dict("(2,)") + std::string(200, ' '), eight)},
           {"eight dimensions", npy_file(npy_dict("(1,1,1,2,1,1,1,1)"), eight)},
           {"strange bools", npy_file(npy_dict("(3,)", "|b1"), std::string("\0\2\377", 3))},
       })
    out.push_back(s);
  return out;
}

}  // namespace

std::vector<Sample> npy_samples() {
  std::vector<Sample> out = good();
  for (Sample& s : hostile()) out.push_back(std::move(s));
  return out;
}

}  // namespace sonde::hostile
