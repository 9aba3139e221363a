// Einstein's summation, composed of sums, diagonals and matrix products.
#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "autograd/bases.hpp"
#include "autograd/interpreter.hpp"

namespace sonde {
namespace {

constexpr std::string_view op = "einsum";

// One character per axis: a letter, or below 32 for an axis of the ellipsis, counted from the
// right.
using Labels = std::string;

bool has(const Labels& labels, char c) {
  return labels.find(c) != Labels::npos;
}
char ellipsis_label(int from_right) {
  return static_cast<char>(31 - from_right);
}
bool is_ellipsis(char c) {
  return c < 32;
}

struct Equation {
  std::vector<Labels> inputs;
  Labels output;
};

// A group with its "..." replaced by one label per axis that the letters leave over.
Labels expand_group(std::string_view text, int ellipsis_axes, std::string_view equation) {
  Labels labels;
  bool dots = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (std::isalpha(static_cast<unsigned char>(text[i]))) {
      labels += text[i];
    } else if (text.substr(i, 3) == "..." && !dots) {
      for (int k = ellipsis_axes; k-- > 0;) labels += ellipsis_label(k);
      dots = true;
      i += 2;
    } else {
      fail(ErrorCode::value, op,
           "\"{}\": letters, commas, one \"->\" and \"...\" are all there may be", equation);
    }
  }
  return labels;
}

Labels input_labels(std::string_view text, const Var& x, std::string_view equation) {
  const bool dots = text.find("...") != std::string_view::npos;
  const int letters = static_cast<int>(
      std::count_if(text.begin(), text.end(), [](unsigned char c) { return std::isalpha(c); }));
  if (dots ? letters > x.rank() : letters != x.rank())
    fail(ErrorCode::shape, op, "\"{}\" has {} letters for operand {}", text, letters, x.spec());
  return expand_group(text, x.rank() - letters, equation);
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto comma = text.find(',');
    parts.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

// Ellipsis axes first, then the letters that stand once, sorted.
Labels implicit_output(const std::vector<Labels>& inputs, const Labels& ellipsis) {
  Labels all, out = ellipsis;
  for (const Labels& labels : inputs) all += labels;
  std::sort(all.begin(), all.end());
  for (char c : all)
    if (!is_ellipsis(c) && std::count(all.begin(), all.end(), c) == 1) out += c;
  return out;
}

Equation parse(std::string_view equation, const Vars& operands) {
  std::string text;
  std::copy_if(equation.begin(), equation.end(), std::back_inserter(text),
               [](char c) { return c != ' '; });
  const auto arrow = text.find("->");
  const auto groups = split(std::string_view(text).substr(0, arrow));
  if (groups.size() != operands.size())
    fail(ErrorCode::value, op, "\"{}\" has {} groups for {} operands", equation, groups.size(),
         operands.size());
  Equation e;
  int widest = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    e.inputs.push_back(input_labels(groups[i], operands[i], equation));
    widest = std::max(widest, static_cast<int>(std::count_if(e.inputs[i].begin(), e.inputs[i].end(),
                                                             is_ellipsis)));
  }
  if (arrow == std::string::npos)
    e.output = implicit_output(e.inputs, expand_group("...", widest, equation));
  else
    e.output = expand_group(std::string_view(text).substr(arrow + 2), widest, equation);
  Labels known;
  for (const Labels& labels : e.inputs) known += labels;
  for (char c : e.output)
    if (!has(known, c) || std::count(e.output.begin(), e.output.end(), c) > 1)
      fail(ErrorCode::value, op, "\"{}\": '{}' in the result is {}", equation, c,
           has(known, c) ? "repeated" : "in no operand");
  return e;
}

// --- operands with labels

struct Labelled {
  Var x;
  Labels labels;
};

Labelled ordered(const Labelled& t, const Labels& order) {
  if (t.labels == order) return t;
  Dims axes;
  for (char c : order) axes.push_back(static_cast<std::int64_t>(t.labels.find(c)));
  return {permute(t.x, axes), order};
}

// Sums over the labels that are not in `keep`.
Labelled reduced(const Labelled& t, const Labels& keep) {
  Labelled out{t.x, {}};
  Dims axes;
  for (std::size_t i = 0; i < t.labels.size(); ++i) {
    if (has(keep, t.labels[i]))
      out.labels += t.labels[i];
    else
      axes.push_back(static_cast<std::int64_t>(i));
  }
  if (!axes.empty()) out.x = sum(t.x, axes);
  return out;
}

// A label that stands twice: both axes last, flattened, every (n+1)-th element.
Labelled without_repeats(Labelled t) {
  for (std::size_t i = 0; i < t.labels.size(); ++i) {
    const char c = t.labels[i];
    const auto j = t.labels.find(c, i + 1);
    if (j == Labels::npos) continue;
    Dims axes, shape;
    Labels rest;
    for (std::size_t k = 0; k < t.labels.size(); ++k) {
      if (k == i || k == j) continue;
      axes.push_back(static_cast<std::int64_t>(k));
      shape.push_back(t.x.shape()[static_cast<int>(k)]);
      rest += t.labels[k];
    }
    const std::int64_t n = t.x.shape()[static_cast<int>(i)];
    if (n != t.x.shape()[static_cast<int>(j)])
      fail(ErrorCode::shape, op, "'{}' stands for {} and {} in one operand", c, n,
           t.x.shape()[static_cast<int>(j)]);
    axes.push_back(static_cast<std::int64_t>(i));
    axes.push_back(static_cast<std::int64_t>(j));
    shape.push_back(n * n);
    t = {slice(reshape(permute(t.x, axes), shape), -1, {}, {}, n + 1), rest + c};
    i = static_cast<std::size_t>(-1);  // positions have changed: start again
  }
  return t;
}

using Sizes = std::array<std::int64_t, 128>;

// Size of each label; an axis of size 1 broadcasts.
Sizes sizes_of(const std::vector<Labelled>& operands) {
  Sizes sizes;
  sizes.fill(1);
  for (const Labelled& t : operands)
    for (std::size_t i = 0; i < t.labels.size(); ++i) {
      std::int64_t& size = sizes[static_cast<std::size_t>(t.labels[i])];
      const std::int64_t n = t.x.shape()[static_cast<int>(i)];
      if (n != size && n != 1 && size != 1)
        fail(ErrorCode::shape, op, "'{}' stands for {} and {}",
             is_ellipsis(t.labels[i]) ? '.' : t.labels[i], size, n);
      if (size == 1) size = n;
    }
  return sizes;
}

// Drops the axes that broadcast.
Labelled squeezed(const Labelled& t, const Sizes& sizes) {
  Labelled out;
  Dims shape;
  for (std::size_t i = 0; i < t.labels.size(); ++i) {
    const std::int64_t n = t.x.shape()[static_cast<int>(i)];
    if (n != sizes[static_cast<std::size_t>(t.labels[i])]) continue;
    shape.push_back(n);
    out.labels += t.labels[i];
  }
  out.x = reshape(t.x, shape);
  return out;
}

Dims shape_of(const Labels& labels, const Sizes& sizes) {
  Dims shape;
  for (char c : labels) shape.push_back(sizes[static_cast<std::size_t>(c)]);
  return shape;
}

// --- a pair of operands

// `labels` with size 1 where they are not in `present`.
Dims padded_shape(const Labels& labels, const Labels& present, const Sizes& sizes) {
  Dims shape = shape_of(labels, sizes);
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (!has(present, labels[i])) shape[static_cast<int>(i)] = 1;
  return shape;
}

// The product of two operands, summed over the labels that both have and `keep` has not.
Labelled contract(Labelled a, Labelled b, const Labels& keep, const Sizes& sizes) {
  a = reduced(a, keep + b.labels);
  b = reduced(b, keep + a.labels);
  Labels batch, inner, left, right;
  for (char c : a.labels) (!has(b.labels, c) ? left : has(keep, c) ? batch : inner) += c;
  for (char c : b.labels)
    if (!has(a.labels, c)) right += c;
  const Labels result = batch + left + right;
  if (inner.empty()) {
    const Var x = reshape(ordered(a, batch + left).x, padded_shape(result, a.labels, sizes));
    return {mul(x, reshape(ordered(b, batch + right).x, padded_shape(result, b.labels, sizes))),
            result};
  }
  const auto count = [&](const Labels& labels) { return numel(shape_of(labels, sizes)); };
  const auto matrices = [&](const Labelled& t, const Labels& rows, const Labels& cols) {
    Dims shape{count(rows), count(cols)};
    if (!batch.empty()) shape.insert(0, count(batch));
    return reshape(ordered(t, batch + rows + cols).x, shape);
  };
  const Var product = matmul(matrices(a, left, inner), matrices(b, inner, right));
  return {reshape(product, shape_of(result, sizes)), result};
}

Var evaluate(const Equation& e, const Vars& operands) {
  std::vector<Labelled> terms;
  for (std::size_t i = 0; i < operands.size(); ++i)
    terms.push_back(without_repeats({operands[i], e.inputs[i]}));
  const Sizes sizes = sizes_of(terms);
  for (Labelled& t : terms) t = squeezed(t, sizes);
  Labelled result = terms[0];
  for (std::size_t i = 1; i < terms.size(); ++i) {
    Labels keep = e.output;
    for (std::size_t later = i + 1; later < terms.size(); ++later) keep += terms[later].labels;
    result = contract(result, terms[i], keep, sizes);
  }
  return ordered(reduced(result, e.output), e.output).x;
}

}  // namespace

Var einsum(std::string_view equation, const Vars& operands, std::source_location where) {
  const RuleSite site(RuleSite::current(where));  // the operations inside report this call
  try {
    if (operands.empty()) fail(ErrorCode::value, op, "no operands");
    for (const Var& x : operands)
      if (!(x.dtype() == operands[0].dtype()))
        fail_hint(ErrorCode::dtype, op, "convert one with to(...)", "operands {} and {}",
                  operands[0].spec(), x.spec());
    return evaluate(parse(equation, operands), operands);
  } catch (Error& error) {
    error.at(where);
    throw;
  }
}

}  // namespace sonde
