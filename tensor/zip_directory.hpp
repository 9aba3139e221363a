/// @file
/// A look at the end of a zip archive before libzip opens it.
#pragma once

#include <string>

struct zip_source;  // libzip's zip_source_t

namespace sonde {

/// libzip holds some 300 bytes for each member that the archive's directory names, and reads the
/// directory again for each place that may be its end. Error(format) if these can be more than
/// 65,536 members, or more than 16 places.
void check_zip_directory(zip_source* source, const std::string& name);

}  // namespace sonde
