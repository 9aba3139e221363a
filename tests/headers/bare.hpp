// Not a header of Sonde: it needs something that it does not include, and the check must say so.
inline std::size_t two() {
  return 2;
}
