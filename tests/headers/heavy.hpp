// Not a header of Sonde: it draws in a library of the kernels, and the check must say so.
#include <tbb/version.h>
