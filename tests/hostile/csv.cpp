// Tables of numbers with a label in the last column.
#include "tests/hostile/builders.hpp"
#include "tests/hostile/samples.hpp"

namespace sonde::hostile {
namespace {

std::vector<Sample> read() {
  return {
      {"numbers", "1,2,0\n3,4,1\n"},
      {"names", "x,y,class\n1,2,0\n3,4,1\n"},
      {"no last line break", "1,2,0\n3,4,1"},
      {"carriage returns", "1,2,0\r\n3,4,1\r\n"},
      {"byte-order mark",
       "\xef\xbb\xbf"
       "1,2,0\n"},
      {"empty rows", "\n\n1,2,0\n\n\n3,4,1\n\n"},
      {"words", "1,cat\n2,dog\n3,cat\n"},
      {"quoted words", "1,\"a \"\"great\"\" cat\"\n2,\"dog, wet\"\n"},
      {"a line break in a word", "1,\"two\nlines\"\n2,one\n"},
      {"quoted numbers", "\"1\",\"2.5\",\"0\"\n"},
      {"quoted names", "\"x\",\"y, z\",\"label\"\n1,2,0\n"},
      {"spaces", " 1 ,  2, 0\n"},
      {"exponents", "1e3,-2.5E-3,0\n"},
      {"a denormal", "1e-40,0\n"},
      {"many digits", "0." + std::string(300, '3') + ",1\n"},
      {"one row", "1,0\n"},
      {"one class", "1,5\n2,5\n"},
      {"negative labels are words", "1,-1\n2,1\n"},
      {"great labels are words", "1,9223372036854775808\n2,3\n"},
      {"fractional labels are words", "1,0.5\n2,1.5\n"},
      {"the greatest class", "1,65535\n"},
      {"one class too great is a word", "1,65536\n"},
      {"many columns", repeated("1,", 1000) + "0\n"},
      {"many rows", repeated("1,2,0\n", 600)},
      {"no text in UTF-8", "1,\xff\xfe\n2,\x80\n"},
      {"negative zero", "-0,0,1\n"},
      {"names with numbers in them", "x1,2y,z\n1,2,0\n"},
      {"label of spaces", "1, \n"},
  };
}

std::vector<Sample> refused() {
  return {
      {"nothing", "", "0 rows of 0 columns"},
      {"a byte-order mark alone", "\xef\xbb\xbf", "0 rows"},
      {"line breaks alone", "\n\r\n\n", "0 rows"},
      {"names alone", "x,y,label\n", "0 rows of 3 columns"},
      {"one column", "1\n2\n", "2 rows of 1 columns"},
      {"a short row", "1,2,0\n3,1\n", "the last of 2 columns; the first row has 3"},
      {"a long row", "1,2,0\n3,4,5,1\n", "the last of 4 columns; the first row has 3"},
      {"a long row behind names", "x,y\n1,2,3\n", "the first row has 2"},
      {"a word for a number", "1,2,0\none,2,0\n", "row 2, column 1: 'one' is no finite number"},
      {"two numbers in a field", "1 2,0\n", "'1 2'"},
      {"nothing for a number", "1,,0\n", "row 1, column 2: ''"},
      {"nothing for a label", "1,2,\n", "the label is empty"},
      {"quoted nothing for a label", "1,2,\"\"\n", "the label is empty"},
      {"infinity", "inf,0\n", "column 1: 'inf'"},
      {"negative infinity", "1,-inf,0\n", "'-inf'"},
      {"not a number", "1,nan,0\n", "'nan'"},
      {"not a number with a payload", "1,nan(0x1),0\n", "'nan(0x1)'"},
      {"beyond float", "1,1e39,0\n", "'1e39'"},
      {"beyond double", "1,1e999,0\n", "'1e999'"},
      {"hexadecimal", "1,0x1p3,0\n", "'0x1p3'"},
      {"a plus sign", "1,+2,0\n", "'+2'"},
      {"a decimal comma", "\"1,5\",0\n1,0\n", "'1,5'"},
      {"semicolons", "1;2;0\n3;4;1\n", "columns"},
      {"tabs", "1\t2\t0\n", "columns"},
      {"a quote that is not closed", "1,\"2,0\n", "a quote is not closed"},
      {"a quote within a field", "1,2\"3,0\n", "quote"},
      {"text behind a quote", "1,\"2\"3,0\n", "quote"},
      {"a quote at the end", "1,2,0\n\"", "a quote is not closed"},
      {"a zero byte", std::string("1,2\0,0\n", 7), "'2?'"},
      {"zero bytes alone", std::string(64, '\0'), "columns"},
      {"a control character", "1,\x1b[31m,0\n", "'?[31m'"},
      {"a word of a thousand letters", "1," + std::string(1000, 'w') + ",0\n",
       "'" + std::string(40, 'w') + "'"},
      {"another file",
       "\x7f"
       "ELF\x02\x01\x01",
       "columns"},
      {"a gzip file", "\x1f\x8b\x08,\x01,2\n", "no finite number"},
      {"carriage returns alone", "1,2,0\r3,4,1\r", "'0?3'"},
      {"a mark within",
       "1,\xef\xbb\xbf"
       "2,0\n",
       "no finite number"},
      {"commas alone", std::string(3000, ','), "rows"},
      {"a row of quotes", std::string(4000, '"') + ",0\n", "is no finite number"},
  };
}

}  // namespace

std::vector<Sample> csv_samples() {
  std::vector<Sample> out = read();
  for (Sample& s : refused()) out.push_back(std::move(s));
  return out;
}

}  // namespace sonde::hostile
