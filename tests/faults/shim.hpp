/// @file
/// The fault shim: makes one system call or one allocation of this process fail, come up short, or
/// be its last. A shared library, to be linked before all others, or preloaded into a program that
/// knows nothing of it (then SONDE_FAULT says what is to happen, see shim.cpp).
#pragma once

namespace sonde::faults {

/// What can be hit. `any` is every call on a file; allocations stand apart.
enum class Call : int {
  open,
  read,
  write,
  sync,
  rename,
  close,
  map,
  unlink,
  mkdir,
  truncate,
  stat,
  list,
  any,
  allocate
};

enum class Effect : int {
  fail,     ///< the call does nothing and returns `error`
  shorten,  ///< a read or write moves half of what was asked
  kill,     ///< SIGKILL instead of the call
  tear,     ///< half of a write, then SIGKILL
  signal    ///< a signal after the call, whose number is `error`
};

struct Fault {
  Call call = Call::any;
  Effect effect = Effect::fail;
  int error = 0;         ///< an errno (allocations give ENOMEM), or a signal
  int nth = 1;           ///< counted from 1 among the calls that match
  bool lasting = false;  ///< every later one as well
};

/// From here to disarm() the fault may strike this thread. System calls count if their file is
/// `folder` (absolute, without links) or lies below it; those of libc, libstdc++ and zlib are seen
/// like any other, since the kernel stops them (Syscall User Dispatch, Linux 5.11). While armed, a
/// thread must not fork, and its fsync is not carried out. False if the kernel cannot do it.
bool arm(const Fault& fault, const char* folder);

/// Ends it, if that has not happened before; returns how many faults were injected.
int disarm();

}  // namespace sonde::faults
