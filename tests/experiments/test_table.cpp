// Data of one's own: CSV, NPY, IDX, and what is wrong with a file.
#include <gtest/gtest.h>

#include <algorithm>

#include "experiments/common/csv.hpp"
#include "experiments/data/table.hpp"
#include "promise_figure.hpp"
#include "temp_folder.hpp"
#include "tensor/io_npy.hpp"
#include "tensor/philox.hpp"

namespace sonde::experiments {
namespace {

std::vector<std::vector<std::string>> rows_of(std::string_view text) {
  std::vector<std::vector<std::string>> rows(1);
  CsvReader csv(text, "text");
  while (csv.next()) {
    rows.back().push_back(csv.field());
    if (csv.ends_row()) rows.emplace_back();
  }
  rows.pop_back();
  return rows;
}

class Table : public ::testing::Test {
 protected:
  ImageSet read(const std::string& text, const std::string& label = "") {
    write_bytes(folder / "data.csv", text);
    return read_csv(folder / "data.csv", label);
  }
  // The message of the Error that reading this text ends in, behind its code.
  std::string error(const std::string& text, const std::string& label = "") {
    try {
      read(text, label);
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  }
  TempFolder folder;
};

std::vector<std::int64_t> labels(const ImageSet& set) {
  return set.labels.to_vector<std::int64_t>();
}
std::vector<float> numbers(const ImageSet& set) {
  return set.images.to_vector<float>();
}
using Labels = std::vector<std::int64_t>;
using Numbers = std::vector<float>;

TEST(Csv, WhatIsWrittenIsReadBack) {
  const std::vector<std::vector<std::string>> rows{
      {"plain", "with, comma", "with \"quotes\""}, {"", "two\nlines", "\r"}, {"a", "", ""}};
  std::string text;
  for (const auto& row : rows) text += csv_row(row);
  EXPECT_EQ(rows_of(text), rows);
}

TEST(Csv, EmptyRowsMarksAndEndingsDoNotMatter) {
  const std::vector<std::vector<std::string>> rows{{"a", "b"}, {"", ""}};
  EXPECT_EQ(rows_of("\xef\xbb\xbf"
                    "a,b\r\n\r\n\n,\n\n"),
            rows);
  EXPECT_EQ(rows_of("a,b\n,"), rows);
  EXPECT_TRUE(rows_of("").empty());
  EXPECT_TRUE(rows_of("\n\n").empty());
}

TEST(Csv, APlaceIsThatOfAnEditor) {
  CsvReader csv("\n\"a\nb\",c\nd,e", "file");
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(csv.next());
  EXPECT_EQ(csv.place(), "file, row 4, column 2");
  EXPECT_FALSE(csv.next());
}

TEST(Csv, WrongQuotesAreErrors) {
  for (const char* text : {"\"a", "\"", "a\"b\"", "\"a\"b", "\"\"b", "a,\"\"\""})
    EXPECT_THROW(rows_of(text), Error) << text;
}

TEST_F(Table, TheLastColumnIsTheLabel) {
  const ImageSet set = read("1,2.5,0\n-3,4e2,2\n");
  EXPECT_EQ(set.images.shape(), (Dims{2, 2}));
  EXPECT_EQ(numbers(set), (Numbers{1, 2.5, -3, 400}));
  EXPECT_EQ(labels(set), (Labels{0, 2}));
  EXPECT_EQ(set.classes, 3);
}

TEST_F(Table, ALabelMayBeNamedAndMayBeAWord) {
  const std::string text = "x,kind,y\n1,wolf, 2\n3,cat,4\n5,\"wolf\",6";
  const ImageSet set = read(text, "kind");
  EXPECT_EQ(numbers(set), (Numbers{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(labels(set), (Labels{1, 0, 1}));
  EXPECT_EQ(set.classes, 2);
  EXPECT_NE(error(text, "species").find("no column is called 'species'"), std::string::npos);
  EXPECT_NE(error("1,2\n", "kind").find("no column is called 'kind'"), std::string::npos);
}

TEST_F(Table, NegativeAndHugeLabelsAreWords) {
  EXPECT_EQ(read("1,-1\n1,1\n1,-1\n").classes, 2);
  EXPECT_EQ(labels(read("1,9000000000\n1,7\n")), (Labels{1, 0}));
}

TEST_F(Table, WhatIsWrongIsNamedWithItsPlace) {
  for (const auto& [text, message] : std::vector<std::pair<std::string, std::string>>{
           {"", "0 rows of 0 columns"},
           {"a,b\n", "0 rows of 2 columns"},
           {"1\n2\n", "2 rows of 1 columns"},
           {"1,2,0\n1,0\n", "row 2, column 2: the last of 2 columns; the first row has 3"},
           {"1,2,0\n1,2,3,0\n", "row 2, column 4"},
           {"x,y,k\n1,two,0\n", "row 2, column 2: 'two' is no finite number"},
           {"1,nan,0\n", "row 1, column 2: 'nan'"},
           {"1,1e99,0\n", "'1e99'"},
           {"1,1 2,0\n", "'1 2'"},
           {"1,,0\n", "''"},
           {"1,2,\n", "row 1, column 3: the label is empty"},
           {"1,\"2,0\n", "a quote is not closed"},
           {std::string("1,2\0,0\n", 7), "'2?' is no finite number"}}) {
    const std::string what = error(text);
    EXPECT_NE(what.find(message), std::string::npos) << what;
    EXPECT_NE(what.find("data.csv"), std::string::npos) << what;
  }
}

TEST_F(Table, LimitsHold) {
  EXPECT_THROW(read_csv(folder / "none.csv"), Error);
  write_bytes(folder / "data.csv", "1,2,0\n");
  EXPECT_THROW(read_csv(folder / "data.csv", "", 5), Error);
  EXPECT_NE(error(std::string(2'000'000, ',')).find("more than 1048576 columns"),
            std::string::npos);
  std::string many;
  for (int i = 0; i < 70'000; ++i) many += "1,w" + std::to_string(i) + "\n";
  EXPECT_NE(error(many).find("more than 65536 different labels"), std::string::npos);
}

// A good text with up to three of its bytes replaced by characters that matter is read or refused,
// and what is read has the numbers it should.
TEST_F(Table, AnyTextIsReadOrRefused) {
  constexpr std::string_view alphabet("01.,\n\r\"-e x\0\xff", 13);
  constexpr int texts = 2000;
  int accepted = 0;
  for (std::uint64_t t = 0; t < texts; ++t) {
    std::string text = "a,b,c\n1,2.5,0\n-3,\"4\",1\r\n5,6e1,1\n";
    const std::uint64_t changes = philox::bits({t, 0}, 0) % 4;
    for (std::uint64_t i = 1; i <= changes; ++i)
      text[philox::bits({t, 1}, i) % text.size()] =
          alphabet[philox::bits({t, 2}, i) % alphabet.size()];
    try {
      const ImageSet set = read(text);
      ++accepted;
      ASSERT_EQ(set.images.size(0), set.size());
      ASSERT_GE(set.images.size(1), 1);
      for (float v : numbers(set)) ASSERT_TRUE(std::isfinite(v));
      for (std::int64_t label : labels(set)) ASSERT_TRUE(label >= 0 && label < set.classes);
    } catch (const Error& e) {
      ASSERT_EQ(e.code(), ErrorCode::format) << e.what();
    }
  }
  promise_figure("{} mutated CSV texts, {} read, the others refused", texts, accepted);
  EXPECT_GT(accepted, texts / 4);
  EXPECT_LT(accepted, texts * 3 / 4);
}

TEST_F(Table, ArraysOfAnyTypeAreRead) {
  for (DType type : {DType::f32, DType::f64, DType::i32, DType::f16})
    for (DType label : {DType::i64, DType::i32, DType::u8}) {
      save_npy(folder / "x.npy", Tensor::arange(12, DType::f32).reshape({3, 2, 2}).to(type));
      save_npy(folder / "y.npy", Tensor::arange(3, DType::i64).to(label));
      const ImageSet set = load_folder(folder.path());
      EXPECT_EQ(set.images.shape(), (Dims{3, 2, 2}));
      EXPECT_EQ(numbers(set)[11], 11);
      EXPECT_EQ(labels(set), (Labels{0, 1, 2}));
      EXPECT_EQ(set.classes, 3);
    }
}

TEST_F(Table, BytesArePixels) {
  save_npy(folder / "x.npy", Tensor::from<std::uint8_t>({0, 255}, {1, 2}));
  save_npy(folder / "y.npy", Tensor::zeros({1}, DType::i64));
  EXPECT_EQ(numbers(load_folder(folder.path())), (Numbers{-1, 1}));
}

TEST_F(Table, ArraysThatDoNotBelongTogetherAreErrors) {
  const Tensor x = Tensor::zeros({3, 2}), y = Tensor::zeros({3}, DType::i64);
  const Tensor nan = Tensor::full({3, 2}, std::nan(""));
  const std::vector<std::pair<Tensor, Tensor>> wrong{{x, Tensor::zeros({2}, DType::i64)},
                                                     {x, Tensor::zeros({3, 1}, DType::i64)},
                                                     {x, Tensor::zeros({3})},
                                                     {x, Tensor::full({3}, -1, DType::i64)},
                                                     {x, Tensor::full({3}, 65536, DType::i64)},
                                                     {Tensor::zeros({3}), y},
                                                     {Tensor::zeros({3, 0}), y},
                                                     {nan, y}};
  for (const auto& [inputs, targets] : wrong) {
    save_npy(folder / "x.npy", inputs);
    save_npy(folder / "y.npy", targets);
    try {
      read_npy_pair(folder / "x.npy", folder / "y.npy");
      ADD_FAILURE() << to_string(inputs.shape());
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::format);
      EXPECT_NE(std::string(e.what()).find("x.npy"), std::string::npos) << e.what();
    }
  }
}

TEST_F(Table, AFolderOfIdxFilesIsRead) {
  using std::string_literals::operator""s;
  write_bytes(folder / "train-images-idx3-ubyte",
              "\0\0\x08\x03\0\0\0\x02\0\0\0\x01\0\0\0\x02"s + "\xff\0\0\xff"s);
  EXPECT_THROW(load_folder(folder.path()), Error);  // no labels yet
  write_bytes(folder / "train-labels-idx1-ubyte", "\0\0\x08\x01\0\0\0\x02\x01\0"s);
  const ImageSet set = load_folder(folder.path());
  EXPECT_EQ(set.images.shape(), (Dims{2, 1, 1, 2}));
  EXPECT_EQ(numbers(set), (Numbers{1, -1, -1, 1}));
  EXPECT_EQ(labels(set), (Labels{1, 0}));
}

TEST_F(Table, WithoutDataTheErrorSaysWhatToPutThere) {
  try {
    load_folder(folder.path());
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::data);
    EXPECT_NE(std::string(e.what()).find("data.csv"), std::string::npos);
  }
}

TEST_F(Table, APartIsHeldOut) {
  std::string text;
  for (int i = 0; i < 10; ++i) text += std::to_string(i) + ",0\n";
  const ImageSet all = read(text);
  const auto [train, test] = held_out(all, 0.3, 7);
  EXPECT_EQ(train.size(), 7);
  EXPECT_EQ(test.size(), 3);
  Numbers both = numbers(train);
  for (float v : numbers(test)) both.push_back(v);
  EXPECT_NE(both, numbers(all));  // an order of its own
  std::ranges::sort(both);
  EXPECT_EQ(both, numbers(all));
  EXPECT_EQ(numbers(held_out(all, 0.3, 7).second), numbers(test));
  EXPECT_NE(numbers(held_out(all, 0.3, 8).second), numbers(test));
  for (double share : {0.0, 0.05, 1.0, -1.0, 2.0, std::nan("")})
    EXPECT_THROW(held_out(all, share, 7), Error) << share;
}

}  // namespace
}  // namespace sonde::experiments
