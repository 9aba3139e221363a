#include "experiments/boolean/generalization.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/boolean.hpp"
#include "autograd/ops.hpp"
#include "experiments/boolean/study.hpp"
#include "experiments/boolean/training_job.hpp"
#include "experiments/common/key_tensor.hpp"
#include "experiments/data/loader.hpp"

namespace sonde::experiments {
namespace {

using Rows = std::vector<std::int64_t>;

// A stream of one function, of one of its parts, of one network fitted to a function.
philox::Key key_of(const ShownPart& p, std::string_view stream) {
  philox::Key key{p.seed, number_of("generalization")};
  for (const std::uint64_t v : {static_cast<std::uint64_t>(p.length), number_of(stream)})
    key = philox::fold_in(key, v);
  return key;
}
philox::Key key_of_part(const ShownPart& p, std::string_view stream) {
  return philox::fold_in(philox::fold_in(key_of(p, stream), static_cast<std::uint64_t>(p.size)),
                         static_cast<std::uint64_t>(p.subset));
}
philox::Key key_of_fit(const FitCase& c, std::string_view stream) {
  return philox::fold_in(philox::fold_in(key_of_part(c.part, stream), number_of(c.kind)),
                         static_cast<std::uint64_t>(c.fit));
}

BitTable values_of(const Tensor& table) {
  return table.to_vector<std::int64_t>();
}
Tensor tensor_of(const std::vector<std::int64_t>& values) {
  return Tensor::from<std::int64_t>(values, {static_cast<std::int64_t>(values.size())});
}

Tensor strings_at(const ShownPart& p) {
  return index_select(all_strings(p.length), 0, tensor_of(shown_rows(p))).tensor();
}

std::unique_ptr<BitEncoder> encoder(philox::Key key, const GeneralizationOptions& o) {
  return std::make_unique<BitEncoder>(key, BitEncoderOptions{.length = o.length, .width = o.width});
}

BitSource strings_of(const Tensor& set, std::int64_t batch) {
  return batch > 0 ? bits_among(set, batch) : whole_set(set);
}

std::string text_of(const BitTable& table) {
  std::string out;
  for (const std::int64_t v : table) out += v != 0 ? '1' : '0';
  return out;
}

// Of a network's outputs on all strings.
double loss_at(const Rows& rows, const std::vector<float>& outputs, const BitTable& wanted) {
  double sum = 0;
  for (const std::int64_t r : rows) {
    const auto i = static_cast<std::size_t>(r);
    const double error = static_cast<double>(outputs[i]) - static_cast<double>(wanted[i]);
    sum += error * error;
  }
  return sum / static_cast<double>(rows.size());
}

Learnt learnt_of(const ShownPart& part, std::int64_t steps, double loss, BitTable table) {
  const BitTable whole = whole_table(part);
  const bool fits = std::ranges::all_of(shown_rows(part), [&](std::int64_t row) {
    const auto i = static_cast<std::size_t>(row);
    return table[i] == whole[i];
  });
  return {.part = part,
          .steps = steps,
          .loss = loss,
          .fits = fits,
          .learnt = completion_of(std::move(table)),
          .random = completion_of(random_completion(part))};
}

class LearningJob final : public TrainingJob {
 public:
  LearningJob(const ShownPart& part, const GeneralizationOptions& o)
      : TrainingJob(
            encoder(key_of_part(part, "initial values"), o),
            table_target("part", tensor_of(whole_table(part))),
            strings_of(strings_at(part), o.batch),
            {.lr = o.lr, .weight_decay = o.weight_decay, .key = key_of_part(part, "strings")},
            {.steps = o.steps, .loss_below = o.loss_below}),
        part_(part) {}
  Json result() const override { return to_json(found_); }

 private:
  void look(const nn::Module& net) override {
    const auto outputs = net(all_strings(part_.length)).tensor().to_vector<float>();
    BitTable table;
    for (const float y : outputs) table.push_back(y > 0.5f);
    found_ = learnt_of(part_, steps(), loss_at(shown_rows(part_), outputs, whole_table(part_)),
                       std::move(table));
  }

  const ShownPart part_;
  Learnt found_;
};

class FittingJob final : public TrainingJob {
 public:
  FittingJob(const FitCase& c, const BitTable& table, const GeneralizationOptions& o)
      : TrainingJob(
            encoder(key_of_fit(c, "fit: initial values"), o),
            table_target(c.kind, tensor_of(table)),
            strings_of(all_strings(c.part.length), o.fit_batch),
            {.lr = o.lr, .weight_decay = o.weight_decay, .key = key_of_fit(c, "fit: strings")},
            {.steps = o.fit_steps}),
        target_(table_target(c.kind, tensor_of(table))),
        options_(o),
        found_{.of = c, .sensitivity = target_.average_sensitivity(c.part.length)} {}
  Json result() const override { return to_json(found_); }

 private:
  void look(const nn::Module& net) override {
    const FitCase& c = found_.of;
    BitProbe probe(encoder({}, options_), BitEncoder::positions, BitEncoder::norms);
    probe.follow(net);
    const BitMeasurementOptions how{.eps = probe.eps_of(options_.radius),
                                    .draws = options_.draws,
                                    .key = key_of_fit(c, "fit: noise")};
    const Tensor all = all_strings(c.part.length), shown = strings_at(c.part);
    found_.everywhere = probe.measure(all, target_.labels(all), how);
    found_.shown = probe.measure(shown, target_.labels(shown), how);
  }

  const Target target_;
  const GeneralizationOptions options_;
  Fit found_;
};

Json to_json(const ShownPart& p) {
  return {{"seed", p.seed}, {"length", p.length}, {"size", p.size}, {"subset", p.subset}};
}
ShownPart part_from_json(const Json& j) {
  return {.seed = integer_at<std::uint64_t>(j, "seed"),
          .length = integer_at<std::int64_t>(j, "length"),
          .size = integer_at<std::int64_t>(j, "size"),
          .subset = integer_at<std::int64_t>(j, "subset")};
}

std::vector<ShownPart> parts_of(std::uint64_t first, int seeds, const GeneralizationOptions& o) {
  std::vector<ShownPart> out;
  for (int i = 0; i < seeds; ++i)
    for (const std::int64_t size : o.sizes)
      for (std::int64_t subset = 0; subset < o.subsets; ++subset)
        out.push_back({first + static_cast<std::uint64_t>(i), o.length, size, subset});
  return out;
}

}  // namespace

BitTable whole_table(const ShownPart& part) {
  return values_of(random_table(part.length, key_of(part, "function")));
}

std::vector<std::int64_t> shown_rows(const ShownPart& part) {
  const std::int64_t all = std::int64_t{1} << part.length;
  if (part.size < 1 || part.size > all)
    fail(ErrorCode::value, "shown_rows", "{} strings of {}", part.size, all);
  Rows rows = permutation(key_of_part(part, "part"), all);
  rows.resize(static_cast<std::size_t>(part.size));
  std::ranges::sort(rows);
  return rows;
}

BitTable random_completion(const ShownPart& part) {
  const BitTable whole = whole_table(part);
  BitTable out = values_of(random_table(part.length, key_of_part(part, "completion")));
  for (const std::int64_t row : shown_rows(part))
    out[static_cast<std::size_t>(row)] = whole[static_cast<std::size_t>(row)];
  return out;
}

Completion completion_of(BitTable table) {
  std::vector<double> values;
  for (const std::int64_t v : table) values.push_back(v != 0 ? 1 : -1);
  const double sensitivity = average_sensitivity(std::span<const std::int64_t>(table));
  return {.table = std::move(table),
          .sensitivity = sensitivity,
          .profile = degree_profile(fourier_coefficients(std::span<const double>(values)))};
}

bool converged(const Fit& fit) {
  return fit.everywhere.loss < 4 * greatest_loss;  // the loss found is that of labels -1 and 1
}

std::unique_ptr<Job> learning_job(const ShownPart& part, const GeneralizationOptions& options) {
  return std::make_unique<LearningJob>(part, options);
}

std::unique_ptr<Job> fitting_job(const FitCase& c, const BitTable& table,
                                 const GeneralizationOptions& options) {
  return std::make_unique<FittingJob>(c, table, options);
}

Json to_json(const Learnt& l) {
  Json json = to_json(l.part);
  json.update({{"steps", l.steps}, {"loss", l.loss}, {"table", text_of(l.learnt.table)}});
  return json;
}

Learnt learnt_from_json(const Json& j) try {
  const ShownPart part = part_from_json(j);
  BitTable table;
  for (const char c : j.at("table").get<std::string>()) table.push_back(c == '1');
  if (part.length < 1 || part.length > max_cube_dimension ||
      table.size() != std::size_t{1} << part.length)
    fail(ErrorCode::format, "part learnt", "a table of {} rows for {} bits", table.size(),
         part.length);
  return learnt_of(part, integer_at<std::int64_t>(j, "steps"), j.at("loss"), std::move(table));
} catch (const Json::exception& e) {
  fail(ErrorCode::format, "part learnt", "{}", e.what());
}

Json to_json(const Fit& f) {
  Json json = to_json(f.of.part);
  json.update({{"kind", f.of.kind},
               {"fit", f.of.fit},
               {"sensitivity", f.sensitivity},
               {"everywhere", to_json(f.everywhere)},
               {"shown", to_json(f.shown)}});
  return json;
}

Fit fit_from_json(const Json& j) try {
  return {.of = {.part = part_from_json(j),
                 .kind = j.at("kind"),
                 .fit = integer_at<std::int64_t>(j, "fit")},
          .sensitivity = j.at("sensitivity"),
          .everywhere = bit_measurement_from_json(j.at("everywhere")),
          .shown = bit_measurement_from_json(j.at("shown"))};
} catch (const Json::exception& e) {
  fail(ErrorCode::format, "fit", "{}", e.what());
}

Generalization generalize(Jobs& jobs, std::uint64_t first, int seeds,
                          const GeneralizationOptions& o) {
  Generalization out;
  const std::vector<ShownPart> parts = parts_of(first, seeds, o);
  for (const Json& result : jobs.run(
           "parts", static_cast<std::int64_t>(parts.size()),
           [&](std::int64_t i) { return learning_job(parts[static_cast<std::size_t>(i)], o); }))
    out.parts.push_back(learnt_from_json(result));
  std::vector<std::pair<FitCase, const BitTable*>> cases;
  for (const Learnt& l : out.parts)
    for (std::int64_t fit = 0; l.fits && fit < o.fits; ++fit) {
      cases.push_back({{l.part, "learnt", fit}, &l.learnt.table});
      cases.push_back({{l.part, "random", fit}, &l.random.table});
    }
  for (const Json& result :
       jobs.run("fits", static_cast<std::int64_t>(cases.size()), [&](std::int64_t i) {
         const auto& [c, table] = cases[static_cast<std::size_t>(i)];
         return fitting_job(c, *table, o);
       }))
    out.fits.push_back(fit_from_json(result));
  return out;
}

}  // namespace sonde::experiments
