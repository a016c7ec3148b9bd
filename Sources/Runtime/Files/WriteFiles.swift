#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Writes files whole or not at all: each appears under its name when all of them are on the disk.
/// What is no file, a pipe or a device, is written to as it is.
func writeFiles(_ files: [(path: String, text: String)]) throws {
  var parts: [(path: String, target: String)] = []
  // Those that have got their name are gone from here.
  defer { for part in parts { unlink(part.path) } }
  for file in files {
    let target = URL(filePath: file.path).resolvingSymlinksInPath().path
    let isWhole = isReplaceable(target)
    let path = isWhole ? "\(target).\(UUID().uuidString).part" : target
    if isWhole { parts.append((path, target)) }
    do {
      try Data(file.text.utf8).write(to: URL(filePath: path))
    } catch {
      throw unwritable(file.path)
    }
  }
  for part in parts {
    guard rename(part.path, part.target) == 0 else { throw unwritable(part.target) }
  }
}

/// Says at once what would fail at the end of long work.
func checkCanWrite(_ path: String) throws {
  let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
  var status = stat()
  let isFolder = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  guard access(folder, W_OK) == 0, !isFolder else { throw unwritable(path) }
}

/// Whether it is a file, or nothing yet.
private func isReplaceable(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG
}

private func unwritable(_ path: String) -> Failure {
  Failure("'\(path)' cannot be written", help: "is the folder there, and yours?")
}
