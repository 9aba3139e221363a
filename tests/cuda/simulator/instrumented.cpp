// What sources compiled with -fsanitize=thread call before each access to memory. Linked without
// that option, these functions stand in place of the thread sanitizer, which knows neither a
// block's barriers nor its memory.
#include "access.hpp"

// NOLINTBEGIN(bugprone-reserved-identifier, bugprone-macro-parentheses): the compiler's names

#define ACCESS(name, bytes, kind)                                               \
  extern "C" void __tsan_##name(const void* address) {                          \
    simulator::note_aligned_access(address, bytes, simulator::AccessKind::kind, \
                                   __builtin_return_address(0));                \
  }                                                                             \
  extern "C" void __tsan_unaligned_##name(const void* address) {                \
    simulator::note_access(address, bytes, simulator::AccessKind::kind,         \
                           __builtin_return_address(0));                        \
  }
ACCESS(read1, 1, read)
ACCESS(read2, 2, read)
ACCESS(read4, 4, read)
ACCESS(read8, 8, read)
ACCESS(read16, 16, read)
ACCESS(write1, 1, write)
ACCESS(write2, 2, write)
ACCESS(write4, 4, write)
ACCESS(write8, 8, write)
ACCESS(write16, 16, write)
#undef ACCESS

extern "C" void __tsan_read_range(const void* address, unsigned long bytes) {
  simulator::note_access(address, bytes, simulator::AccessKind::read, __builtin_return_address(0));
}
extern "C" void __tsan_write_range(const void* address, unsigned long bytes) {
  simulator::note_access(address, bytes, simulator::AccessKind::write, __builtin_return_address(0));
}

extern "C" void __tsan_init() {}
extern "C" void __tsan_func_entry(void*) {}
extern "C" void __tsan_func_exit() {}
extern "C" void __tsan_vptr_update(void*, void*) {}
extern "C" void __tsan_vptr_read(void*) {}

// The host's code in those sources has atomic operations too, of reference counts: they are carried
// out.
#define ATOMIC_FETCH(name, bits, Type)                                                 \
  extern "C" Type __tsan_atomic##bits##_fetch_##name(Type* address, Type value, int) { \
    return __atomic_fetch_##name(address, value, __ATOMIC_SEQ_CST);                    \
  }
#define ATOMIC_EXCHANGE(strength, is_weak, bits, Type)                                            \
  extern "C" int __tsan_atomic##bits##_compare_exchange_##strength(Type* address, Type* expected, \
                                                                   Type value, int, int) {        \
    return __atomic_compare_exchange_n(address, expected, value, is_weak, __ATOMIC_SEQ_CST,       \
                                       __ATOMIC_SEQ_CST);                                         \
  }
#define ATOMICS(bits, Type)                                                        \
  extern "C" Type __tsan_atomic##bits##_load(const Type* address, int) {           \
    return __atomic_load_n(address, __ATOMIC_SEQ_CST);                             \
  }                                                                                \
  extern "C" void __tsan_atomic##bits##_store(Type* address, Type value, int) {    \
    __atomic_store_n(address, value, __ATOMIC_SEQ_CST);                            \
  }                                                                                \
  extern "C" Type __tsan_atomic##bits##_exchange(Type* address, Type value, int) { \
    return __atomic_exchange_n(address, value, __ATOMIC_SEQ_CST);                  \
  }                                                                                \
  ATOMIC_FETCH(add, bits, Type)                                                    \
  ATOMIC_FETCH(sub, bits, Type)                                                    \
  ATOMIC_FETCH(and, bits, Type)                                                    \
  ATOMIC_FETCH(or, bits, Type)                                                     \
  ATOMIC_FETCH(xor, bits, Type)                                                    \
  ATOMIC_EXCHANGE(strong, false, bits, Type)                                       \
  ATOMIC_EXCHANGE(weak, true, bits, Type)
ATOMICS(8, unsigned char)
ATOMICS(16, unsigned short)
ATOMICS(32, unsigned)
ATOMICS(64, unsigned long)
#undef ATOMICS
#undef ATOMIC_EXCHANGE
#undef ATOMIC_FETCH

extern "C" void __tsan_atomic_thread_fence(int) {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

// NOLINTEND(bugprone-reserved-identifier, bugprone-macro-parentheses)
