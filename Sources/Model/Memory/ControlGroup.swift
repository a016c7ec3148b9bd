import CMemory

/// A control group of Linux (version 1 or 2) that limits the memory of this process: its own, or
/// one above it.
struct ControlGroup: Equatable {
  /// Its folder, without a slash at the end.
  var folder: String
  var limit: Int
  /// The name of the file that says what is used.
  var usage: String

  /// Those of this process that have a limit.
  ///
  /// - Parameter root: where /proc and /sys stand, for tests.
  static func limited(root: String = "") -> [ControlGroup] {
    let lines = text(root + "/proc/self/cgroup")?.split(separator: "\n") ?? []
    return lines.flatMap { line -> [ControlGroup] in
      // `4:memory:/a/b` in version 1, `0::/a/b` in version 2.
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { return [] }
      if fields[0] == "0", fields[1].isEmpty {
        return ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].flatMap {
          groups(
            in: root + $0, fields[2], limits: ["memory.max", "memory.high"],
            usage: "memory.current")
        }
      }
      guard fields[1].split(separator: ",").contains("memory") else { return [] }
      return groups(
        in: root + "/sys/fs/cgroup/memory", fields[2], limits: ["memory.limit_in_bytes"],
        usage: "memory.usage_in_bytes")
    }
  }

  /// The group at `path` and those above it. Inside a container the path may be the host's, which is
  /// not there; the root then is the container's own group.
  private static func groups(
    in mount: String, _ path: Substring, limits: [String], usage: String
  ) -> [ControlGroup] {
    var parts = path.split(separator: "/")
    var groups: [ControlGroup] = []
    while true {
      let folder = ([mount] + parts.map(String.init)).joined(separator: "/")
      let stated = limits.compactMap { text("\(folder)/\($0)").flatMap(number) }
      // Version 1 says "no limit" with a number that no machine has.
      if let limit = stated.min(), limit < 1 << 60 {
        groups.append(ControlGroup(folder: folder, limit: limit, usage: usage))
      }
      if parts.isEmpty { return groups }
      parts.removeLast()
    }
  }

  func watch() {
    let used = open("\(folder)/\(usage)", O_RDONLY | O_CLOEXEC)
    guard used >= 0 else { return }
    summand_memory_watch_group(used, open("\(folder)/memory.stat", O_RDONLY | O_CLOEXEC), limit)
  }

  /// A file of one number; nil for `max`.
  private static func number(_ text: String) -> Int? {
    Int(text.prefix { !$0.isWhitespace })
  }

  /// The first bytes of a small file.
  private static func text(_ path: String) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 14)
    let count = read(file, &bytes, bytes.count)
    return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
  }
}
