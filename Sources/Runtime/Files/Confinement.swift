/// Where files may be written: `--safe` allows one folder, and what is in it.
public struct Confinement: Sendable {
  /// Without links.
  let folder: String

  /// The folder that a path leads to; nil where there is none.
  public init?(folder: String) {
    guard let folder = Self.resolved(folder) else { return nil }
    self.folder = folder
  }

  /// The streams of the process, and what takes everything and keeps nothing.
  private static let harmless: Set = ["/dev/null", "/dev/stdout", "/dev/stderr"]

  /// - Throws: `Failure` for a file that does not lie in the folder, however its path is written.
  func check(_ path: String) throws {
    if Self.harmless.contains(path) { return }
    let target = (try? resolvedLinks(path)) ?? path
    let parent = target.withoutLastPart
    guard target.lastPart != "..", let place = Self.resolved(parent.isEmpty ? "/" : parent),
      place == folder || place.hasPrefix(folder == "/" ? "/" : folder + "/")
    else {
      throw Failure(
        "'\(path)' is outside of the working directory, and --safe forbids writing there",
        help: "choose a file in the working directory, or run without --safe")
    }
  }

  private static func resolved(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }
}

extension Host {
  public var confinement: Confinement? { nil }

  /// - Throws: `Failure` where --safe forbids it.
  func checkMayWrite(_ path: String) throws { try confinement?.check(path) }
}
