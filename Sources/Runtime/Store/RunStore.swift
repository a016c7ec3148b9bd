import Lang
import Model

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The results of runs, kept in a folder across processes: `--store DIR`. Several processes may use one
/// at a time, as each writes files of its own.
final class RunStore {
  let path: String
  private let version: String
  private let warn: (String, _ help: String) -> Void
  private var models: [ObjectIdentifier: Part] = [:]
  /// What was read of last.
  private var opened: ChunkFile?
  private lazy var binary = Result { try Self.binaryDigest() }
  private let clock = ContinuousClock()
  private let began: ContinuousClock.Instant
  private var written: ContinuousClock.Instant
  /// What the last writing took.
  private var cost = Duration.zero

  /// What is kept of one model, by this binary.
  private final class Part {
    let folder: String
    let model: LanguageModel
    let head: ChunkFileHead
    var files: [ChunkFile] = []
    var known: Set<String> = []
    var places: [ContentDigest: (file: Int32, place: ChunkPlace)] = [:]
    var batch = ChunkBatch()

    init(folder: String, model: LanguageModel, head: ChunkFileHead) {
      self.folder = folder
      self.model = model
      self.head = head
    }
  }

  /// More than this is not held back, however short the time is.
  private static let mostPending = 32 << 20

  /// - Parameter warn: told of damage.
  /// - Throws: `Failure` where nothing can be written there.
  init(path: String, version: String, warn: @escaping (String, String) -> Void) throws {
    self.path = path
    self.version = version
    self.warn = warn
    began = clock.now
    written = began
    guard !path.isEmpty else {
      throw Failure("the store needs a folder", help: "--store DIR", status: .unreadable)
    }
    do {
      try makeFolder(path)
    } catch let failure as Failure {
      throw Failure(
        "the store `\(path)` cannot be made", help: failure.help, status: .unreadable)
    }
    // Whether one may write is only known by writing.
    let probe = "\(path)/.probe-\(getpid())"
    let descriptor = open(probe, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Self.unwritable(path, errno) }
    close(descriptor)
    unlink(probe)
  }

  private static func unwritable(_ path: String, _ code: Int32) -> Failure {
    Failure(
      "the store `\(path)` cannot be written: \(String(cString: strerror(code)))",
      help: code == ENOSPC || code == EDQUOT || code == EFBIG
        ? "free some space, or name another folder; what was kept so far stays"
        : "may you write there? `--store` takes a folder of your own",
      status: .unreadable)
  }

  // MARK: Keys

  /// The key of a run of a model, where it is the same for every process of this binary.
  func key(of request: RunRequest, varying base: RunRequest?, _ bytes: inout ByteWriter)
    -> ContentDigest
  {
    bytes.removeAll()
    request.write(to: &bytes, varying: base)
    return ContentDigest(of: bytes.bytes)
  }

  static func binaryDigest() throws -> ContentDigest {
    let own = "/proc/self/exe"
    let path = access(own, R_OK) == 0 ? own : CommandLine.arguments.first ?? own
    return ContentDigest(of: try readBytes(path: path, limit: .max))
  }

  private func part(of model: LanguageModel) throws -> Part {
    if let known = models[ObjectIdentifier(model)] { return known }
    let (binary, digest) = (try binary.get().text, try model.contentDigest().text)
    let head = ChunkFileHead(
      version: version, binary: binary, model: model.weightsPath.lastPart, digest: digest, time: 0,
      lines: [])
    let scope = ContentDigest(of: Array((binary + digest).utf8)).text
    let part = Part(folder: "\(path)/\(scope)", model: model, head: head)
    models[ObjectIdentifier(model)] = part
    return part
  }

  // MARK: Reading

  /// Takes note of what other processes have kept since.
  func refresh(_ model: LanguageModel) throws {
    let part = try part(of: model)
    for name in chunkFiles(in: part.folder) where !part.known.contains(name) {
      try Interruption.check()
      let path = "\(part.folder)/\(name)"
      part.known.insert(name)
      do {
        let file = try ChunkFile(path: path)
        let number = Int32(part.files.count)
        part.files.append(file)
        for place in file.takeIndex() {
          // Of two the newer: the older may be damaged.
          if let old = part.places[place.key], part.files[Int(old.file)].head.time > file.head.time
          {
            continue
          }
          part.places[place.key] = (number, place)
        }
      } catch let damage as ChunkFile.Damage {
        report(damage, path)
      }
    }
  }

  private func report(_ damage: ChunkFile.Damage, _ file: String) {
    warn(
      "`\(file)` is damaged: \(damage.reason); what it had is computed again",
      "`store \"\(path)\" drop damaged` removes it")
  }

  func has(_ key: ContentDigest, of model: LanguageModel) -> Bool {
    models[ObjectIdentifier(model)]?.places[key] != nil
  }

  /// What was kept; nil where it is damaged, which is reported.
  func result(_ key: ContentDigest, of model: LanguageModel) -> RunResult? {
    guard let part = models[ObjectIdentifier(model)], let (number, place) = part.places[key] else {
      return nil
    }
    let file = part.files[Int(number)]
    if opened !== file { opened?.close() }
    opened = file
    do {
      return try file.result(at: place)
    } catch {
      report(error as? ChunkFile.Damage ?? ChunkFile.Damage(reason: "\(error)"), file.path)
      part.places[key] = nil
      return nil
    }
  }

  // MARK: Writing

  /// Keeps a result. It is on the disk when some time has passed, or the work ends.
  func keep(
    _ result: RunResult, _ key: ContentDigest, of model: LanguageModel, line: String
  ) throws {
    guard let part = models[ObjectIdentifier(model)] else { return }
    part.batch.append(result, key: key, line: line)
    guard part.batch.byteCount < Self.mostPending, clock.now - written < interval else {
      return try flush()
    }
  }

  /// So long that writing takes some fiftieth of the time, and that long work makes few files.
  private var interval: Duration {
    min(.seconds(60), max(.seconds(1), cost * 50, (clock.now - began) / 30))
  }

  /// Puts on the disk what is not there yet.
  func flush() throws {
    let start = clock.now
    for part in models.values where !part.batch.isEmpty {
      var head = part.head
      head.time = Int(Date().timeIntervalSince1970)
      let (name, parts) = part.batch.file(head)
      part.batch = ChunkBatch()
      try write(parts, as: name, in: part.folder)
    }
    written = clock.now
    cost = written - start
  }

  private func write(_ parts: [[UInt8]], as name: String, in folder: String) throws {
    let place = "\(folder)/\(name.prefix(2))"
    do {
      try makeFolder(place)
      let replacement = try FileReplacement(of: "\(place)/\(name).chunks")
      for bytes in parts { try replacement.write(bytes) }
      try replacement.finish()
      try replacement.takePlace()
    } catch let error as SystemError {
      throw Self.unwritable(path, error.code)
    } catch is Failure {
      throw Self.unwritable(path, EACCES)
    }
  }
}

/// The files of chunks below a folder, each with the folder that it is in, sorted.
func chunkFiles(in folder: String) -> [String] {
  let manager = FileManager.default
  let folders = ((try? manager.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.count == 2 }
  return folders.sorted().flatMap { name in
    ((try? manager.contentsOfDirectory(atPath: "\(folder)/\(name)")) ?? [])
      .filter { $0.hasSuffix(".chunks") && !$0.hasPrefix(".") }.sorted().map { "\(name)/\($0)" }
  }
}
