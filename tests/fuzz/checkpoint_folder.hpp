// A folder packed into one file, so that a fuzzer can change it: a byte that says whether to repair
// checksums (0: no), then for each file the length of its name (1 byte), the name, the number of
// its bytes (2, the lower first), the bytes. Whatever is too short is taken as far as it goes.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace sonde::hostile {

struct FolderFile {
  std::string name, bytes;
};

std::string packed_folder(const std::vector<FolderFile>& files);
/// The files; if the first byte is odd, manifests of checkpoints have the checksums they should.
std::vector<FolderFile> unpacked_folder(std::span<const std::byte> bytes);

}  // namespace sonde::hostile
