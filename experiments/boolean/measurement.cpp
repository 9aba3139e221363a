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

BitProbe::BitProbe(std::unique_ptr<nn::Module> twin, std::string still, std::string norms)
    : twin_(std::move(twin)), norms_(std::move(norms)) {
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
  m.output_sharpness = scaled(output_sharpness(at.outputs(bits), at, on_sphere).squared, to_signed);
  m.radius = on_sphere.size;
  m.norm = norm_of(at);
  const TappedValues entering = values_at(tapped(*twin_), bits, norms_);
  const Sample code =
      layer_norm_blowup(entering, {.form = BlowupForm::measured, .read_at_last_token = 2});
  m.blowup = mean_of(code, [](double v) { return v; });
  m.log_blowup = mean_of(code, [](double v) { return std::log(v); });
  const Sample theory = layer_norm_blowup(entering);
  m.theory_log_blowup = mean_of(theory, [](double v) { return std::log(v); });
  m.theory_squared_blowup = mean_of(theory, [](double v) { return v * v; });
  return m;
}

BitMeasurement BitProbe::measure(const Target& target, std::int64_t bits,
                                 const BitMeasurementOptions& o) const {
  const Tensor strings = measured_strings(bits, o);
  return measure(strings, target.labels(strings), o);
}

}  // namespace sonde::experiments
