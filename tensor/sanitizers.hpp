/// @file
/// Which sanitizer this is built with. Caches of memory step aside for them: what is re-used is
/// never seen as freed.
#pragma once

namespace sonde::detail {

#if defined(__has_feature)  // clang
#define SONDE_HAS_FEATURE(name) __has_feature(name)
#else
#define SONDE_HAS_FEATURE(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || SONDE_HAS_FEATURE(address_sanitizer)
inline constexpr bool address_sanitizer = true;
#else
inline constexpr bool address_sanitizer = false;
#endif

#if defined(__SANITIZE_THREAD__) || SONDE_HAS_FEATURE(thread_sanitizer)
inline constexpr bool thread_sanitizer = true;
#else
inline constexpr bool thread_sanitizer = false;
#endif

#undef SONDE_HAS_FEATURE

}  // namespace sonde::detail
