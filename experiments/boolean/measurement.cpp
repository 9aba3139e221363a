#include "experiments/boolean/measurement.hpp"

#include <cmath>

#include "analysis/blowup.hpp"
#include "autograd/ops.hpp"
#include "experiments/boolean/training.hpp"
#include "nn/loss.hpp"

namespace sonde::experiments {
namespace {

constexpr double to_signed = 4;  // squares of differences of -1 and 1 by those of 0 and 1

Estimate scaled(Estimate e, double factor) {
  e.value *= factor;
  if (e.std_error) *e.std_error *= factor;
  if (e.ci95) e.ci95 = Interval{e.ci95->low * factor, e.ci95->high * factor};
  return e;
}

double mean_of(const Sample& sample, double (*f)(double)) {
  double sum = 0;
  for (const double v : sample) sum += f(v);
  return sum / static_cast<double>(sample.size());
}

double norm_of(const Point& at) {
  double squares = 0;
  for (const Var& v : at.values) squares += sum(v * v).item();
  return std::sqrt(squares);
}

}  // namespace

double accuracy_of(const Tensor& outputs, const Tensor& labels) {
  return mean(to(eq(gt(outputs, 0.5), gt(labels, 0.5)), DType::f64)).item();
}

Tensor measured_strings(std::int64_t bits, const BitMeasurementOptions& o) {
  return uniform_bits(o.strings, bits)(philox::child(o.key, 2));
}

ParameterNoise label_noise(const BitMeasurementOptions& o) {
  return {.size = o.eps, .draws = o.draws, .key = philox::child(o.key, 0)};
}

ParameterNoise output_noise(const BitMeasurementOptions& o, std::int64_t parameters) {
  return {.law = NoiseLaw::sphere,
          .size = o.eps * std::sqrt(static_cast<double>(parameters)),
          .draws = o.draws,
          .key = philox::child(o.key, 1)};
}

BitBlowup blowup_of(const nn::Module& module, const Tensor& bits, const std::string& norms,
                    std::int64_t read_at_last_token) {
  const TappedValues entering = values_at(tapped(module), bits, norms);
  const Sample code = layer_norm_blowup(
      entering, {.form = BlowupForm::measured, .read_at_last_token = read_at_last_token});
  const Sample theory = layer_norm_blowup(entering);
  const auto log = [](double v) { return std::log(v); };
  return {.mean = mean_of(code, [](double v) { return v; }),
          .log_mean = mean_of(code, log),
          .theory_log_mean = mean_of(theory, log),
          .theory_square_mean = mean_of(theory, [](double v) { return v * v; })};
}

BitProbe::BitProbe(std::unique_ptr<nn::Module> twin, const std::string& still, std::string norms,
                   std::int64_t read_at_last_token)
    : twin_(std::move(twin)), norms_(std::move(norms)), read_at_last_token_(read_at_last_token) {
  twin_->convert(DType::f64);
  if (!still.empty()) twin_->freeze(still);
}

void BitProbe::follow(const nn::Module& network) {
  Tensors values;
  for (const Tensor& t : network.parameter_tensors())
    values.push_back(to(Var(t), DType::f64).tensor());
  twin_->set_parameters(values);
}

double BitProbe::eps_of(double radius) const {
  return radius / std::sqrt(static_cast<double>(ParameterPoint(*twin_).space.size()));
}

BitMeasurement BitProbe::measure(const Tensor& bits, const Tensor& labels,
                                 const BitMeasurementOptions& o) const {
  const ParameterPoint at(*twin_);
  const Var wanted = to(Var(labels), DType::f64);
  const Function loss =
      at.function([&](nn::Context& ctx) { return nn::mse_loss((*twin_)(ctx, bits), wanted); });
  const ParameterNoise on_sphere = output_noise(o, at.space.size());
  BitMeasurement m;
  m.loss = to_signed * loss(at.values)[0].item();
  m.label_sharpness = scaled(loss_sharpness(loss, at, label_noise(o)), to_signed);
  const auto outputs = static_cast<double>(labels.numel()) / static_cast<double>(labels.size(0));
  m.output_sharpness =
      scaled(output_sharpness(at.outputs(bits), at, on_sphere).squared, to_signed / outputs);
  m.radius = on_sphere.size;
  m.norm = norm_of(at);
  const BitBlowup blowup = blowup_of(*twin_, bits, norms_, read_at_last_token_);
  m.blowup = blowup.mean;
  m.log_blowup = blowup.log_mean;
  m.theory_log_blowup = blowup.theory_log_mean;
  m.theory_squared_blowup = blowup.theory_square_mean;
  return m;
}

BitMeasurement BitProbe::measure(const Target& target, std::int64_t bits,
                                 const BitMeasurementOptions& o) const {
  const Tensor strings = measured_strings(bits, o);
  return measure(strings, target.labels(strings), o);
}

}  // namespace sonde::experiments
