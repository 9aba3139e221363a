#include "autograd/var.hpp"

namespace sonde {
namespace {

[[noreturn]] void no_data(const Value* p) {
  if (!p) fail(ErrorCode::escaped, "tensor", "an empty Var (a symbolic zero) has no data");
  if (p->kind == ValueKind::ghost)
    fail_hint(ErrorCode::rule, "tensor", "name it in saves()",
              "{} was not kept for the vjp rule that reads it", p->spec);
  fail_hint(ErrorCode::escaped, "tensor", "return the value from the transformed function",
            "{} is a value inside a transform (level {}) and has no data of its own", p->spec,
            p->level);
}

}  // namespace

Tensor Var::tensor() const& {
  if (!is_tensor()) no_data(p_.get());
  return Tensor(Ref<TensorData>(static_cast<TensorData*>(p_.get())));
}

Tensor Var::tensor() && {
  if (!is_tensor()) no_data(p_.get());
  Ref<TensorData> data(static_cast<TensorData*>(p_.get()));
  p_ = nullptr;
  return Tensor(std::move(data));
}

Tensor Var::primal() const {
  const Var* v = this;
  while (const Box* box = as_box(*v)) {
    if (box->transform == TransformKind::batch)
      fail_hint(ErrorCode::rule, "item", "choose with where(...) instead of a branch",
                "every lane of vmap has its own value");
    v = &box->value;
  }
  return v->tensor();
}

double Var::item() const {
  return primal().item();
}

}  // namespace sonde
