#include "autograd/interpreter.hpp"

#include <algorithm>
#include <atomic>

namespace sonde {
namespace {

thread_local SmallVector<Interpreter*, 16> stack;
thread_local ClosureBarrier* innermost_barrier = nullptr;
thread_local const RuleSite* innermost_site = nullptr;
std::atomic<std::uint64_t> last_id{0};

std::string_view transform_name(TransformKind kind) {
  constexpr std::string_view names[] = {"jvp", "grad/vjp", "vmap"};
  return names[static_cast<int>(kind)];
}

[[noreturn]] void escaped(const Box& box) {
  fail_hint(ErrorCode::escaped, transform_name(box.transform),
            "return it from the function instead of storing it; one thread per transform",
            "value escaped its transform: {} was made inside the {} called at {}:{}, which has "
            "finished or "
            "runs on another thread",
            box.spec, transform_name(box.transform), box.where.file_name(), box.where.line());
}

}  // namespace

TransformScope::TransformScope(Interpreter& it) {
  stack.push_back(&it);
  it.level_ = static_cast<int>(stack.size());
  it.id_ = last_id.fetch_add(1, std::memory_order_relaxed) + 1;
}

TransformScope::~TransformScope() {
  stack.pop_back();
}

int transform_depth() {
  return static_cast<int>(stack.size());
}

Interpreter& owner(const Box& box) {
  if (box.level > transform_depth()) escaped(box);
  Interpreter& it = *stack[static_cast<std::size_t>(box.level - 1)];
  if (it.id() != box.id) escaped(box);
  if (innermost_barrier) check_barriers(box);
  return it;
}

const Box* Interpreter::mine(const Var& v) const {
  const Box* box = as_box(v);
  if (!box || box->level != level_) return nullptr;
  if (box->id != id_) escaped(*box);
  return box;
}

ClosureBarrier::ClosureBarrier(std::string_view op, int low, int high)
    : op_(op), low_(low), high_(high), outer_(innermost_barrier) {
  innermost_barrier = this;
}

ClosureBarrier::~ClosureBarrier() {
  innermost_barrier = outer_;
}

void check_barriers(const Box& box) {
  for (ClosureBarrier* b = innermost_barrier; b; b = b->outer_)
    if (box.level > b->low_ && box.level <= b->high_)
      fail_hint(ErrorCode::closure, b->op_, "pass it as an argument of the function",
                "{} of an enclosing {} entered through the closure; its derivative would be lost",
                box.spec, transform_name(box.transform));
}

RuleSite::RuleSite(std::source_location where) : where_(where), outer_(innermost_site) {
  innermost_site = this;
}

RuleSite::~RuleSite() {
  innermost_site = outer_;
}

std::source_location RuleSite::current(std::source_location where) {
  return innermost_site ? innermost_site->where_ : where;
}

int max_level(std::span<const Var> vars) {
  int level = 0;
  for (const Var& v : vars) level = std::max(level, v.level());
  return level;
}

}  // namespace sonde
