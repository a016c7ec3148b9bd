import Lang
import Model

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What is in a store, file by file.
struct StoreListing {
  private let path: String
  private(set) var files: [(path: String, file: ChunkFile)] = []
  /// Files that are damaged or of something else, with what is wrong.
  private(set) var damaged: [(path: String, reason: String)] = []
  private(set) var damagedBytes = 0

  /// - Throws: `Failure` where there is no folder of that name.
  init(path: String) throws {
    self.path = path
    guard let status = fileStatus(of: path), status.st_mode & S_IFMT == S_IFDIR else {
      throw Failure(
        "there is no store `\(path)`", help: "`summand --store DIR …` makes one",
        status: .unreadable)
    }
    let scopes = try FileManager.default.contentsOfDirectory(atPath: path)
      .filter { $0.count == 32 }.sorted()
    for scope in scopes {
      for name in chunkFiles(in: "\(path)/\(scope)") {
        try Interruption.check()
        let path = "\(path)/\(scope)/\(name)"
        do {
          files.append((path, try ChunkFile(path: path)))
        } catch let damage as ChunkFile.Damage {
          damaged.append((path, damage.reason))
          damagedBytes += fileSize(path) ?? 0
        }
      }
      damaged += unfinished(in: "\(path)/\(scope)").map { ($0, "it is not finished") }
    }
  }

  /// What a process that was killed had begun to write, and none is writing.
  private func unfinished(in folder: String) -> [String] {
    let manager = FileManager.default
    let folders = ((try? manager.contentsOfDirectory(atPath: folder)) ?? []).filter {
      $0.count == 2
    }
    return folders.sorted().flatMap { name in
      ((try? manager.contentsOfDirectory(atPath: "\(folder)/\(name)")) ?? [])
        .filter { $0.hasSuffix(".part") }.sorted().map { "\(folder)/\(name)/\($0)" }
        .filter { path in
          let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
          guard descriptor >= 0 else { return false }
          defer { close(descriptor) }
          return flock(descriptor, LOCK_EX | LOCK_NB) == 0
        }
    }
  }

  /// What is kept for each line, the oldest first.
  func table(now: Int) throws -> Table {
    struct Group {
      var head: ChunkFileHead
      var line: String
      var rows = 0
      var bytes = 0
      var time = 0
    }
    var groups: [String: Group] = [:]
    let own = try RunStore.binaryDigest().text
    for (_, file) in files {
      try Interruption.check()
      let head = file.head
      var places = file.takeIndex()[...]
      for line in head.lines {
        let key = "\(head.binary) \(head.digest) \(line.text)"
        var group = groups[key] ?? Group(head: head, line: line.text)
        group.rows += line.chunks
        let (bytes, _) = places.prefix(line.chunks).reduce((UInt64(0), false)) { sum, place in
          let (sum, overflow) = sum.0.addingReportingOverflow(place.length)
          return overflow ? (.max, true) : (sum, false)
        }
        places = places.dropFirst(line.chunks)
        group.bytes += Int(clamping: bytes) + line.chunks * ChunkFile.placeSize
        group.time = max(group.time, head.time)
        groups[key] = group
      }
    }
    let sorted = groups.values.sorted { ($0.time, $0.line) < ($1.time, $1.line) }
    var table = TableBuilder()
    let (line, model) = (table.texts("line"), table.texts("model"))
    let (rows, bytes) = (table.integers("rows"), table.integers("bytes"))
    let (age, current) = (table.doubles("age"), table.booleans("current"))
    for group in sorted {
      table.addRow()
      (table[line], table[model]) = (group.line, group.head.model)
      (table[rows], table[bytes]) = (group.rows, group.bytes)
      table[age] = (Double(max(0, now - group.time)) / 864).rounded() / 100
      table[current] = group.head.binary == own
    }
    return table.table(measure: "bytes")
  }

  /// Removes files.
  ///
  /// - Parameter time: only those that were written before it.
  /// - Returns: how many, and their bytes.
  func drop(_ kind: StoreDrop, before time: Int) throws -> (files: Int, bytes: Int) {
    var paths: [String] = []
    switch kind {
    case .damaged: paths = damaged.map(\.path)
    case .all:
      paths = damaged.map(\.path) + files.filter { $0.file.head.time <= time }.map(\.path)
    case .stale:
      let own = try RunStore.binaryDigest().text
      paths = files.filter { $0.file.head.binary != own && $0.file.head.time <= time }.map(\.path)
    }
    var bytes = 0
    for path in paths {
      try Interruption.check()
      let size = fileSize(path) ?? 0
      guard unlink(path) == 0 || errno == ENOENT else {
        throw Failure(
          "`\(path)` cannot be removed: \(String(cString: strerror(errno)))", status: .unreadable)
      }
      bytes += size
      // Folders that are empty now go too; others refuse.
      rmdir(path.withoutLastPart)
      rmdir(path.withoutLastPart.withoutLastPart)
    }
    return (paths.count, bytes)
  }
}

/// What `store DIR drop` removes.
enum StoreDrop: String, Choice {
  case damaged, stale, all

  var summary: String {
    switch self {
    case .damaged: "what cannot be read"
    case .stale: "what another binary of Summand wrote, which this one does not use"
    case .all: "everything"
    }
  }
}
