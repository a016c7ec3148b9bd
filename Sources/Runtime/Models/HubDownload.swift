import Lang
import Model

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Fetches a model from the hub into the Hugging Face cache.
///
/// A file comes into `blobs/<digest>.incomplete`, where an interrupted download goes on the next
/// time, and becomes `blobs/<digest>` once its size and its digest are right. The branch's name is
/// written last, so that what it leads to is whole.
struct HubDownload {
  let reference: HubReference
  let cache: HubCache
  let client: HubClient
  let progress: FetchProgress
  /// Attempts in a row that fetched nothing.
  private static let attempts = 4

  init(_ reference: HubReference, settings: HubSettings, host: any Host) throws {
    self.reference = reference
    cache = HubCache(root: settings.cache)
    progress = FetchProgress(host: host, label: reference.shortName)
    client = try HubClient(reference, settings: settings, progress: progress)
  }

  /// - Returns: the path of the model.
  func run() throws -> String {
    defer { progress.finish() }
    do {
      return try fetch()
    } catch let stopped as Interruption.Stopped {
      progress.note("what was fetched of \(reference.text) is kept: load it again to continue")
      throw stopped
    }
  }

  private func fetch() throws -> String {
    if let damaged = try cache.damagedFile(of: reference) {
      progress.note("`\(damaged)` is damaged: fetching it again")
    }
    let listing = try client.listing()
    let folder = cache.snapshot(listing.commit, of: reference.repository)
    let names = try choose(from: listing, folder: folder)
    try announce(names, listing, folder)
    var (done, total) = (0, names.reduce(0) { $0 + (listing.files[$1]?.bytes ?? 0) })
    for name in names {
      try fetch(name, listing, into: folder, done: done, of: total)
      let size = fileSize(folder + "/" + name) ?? 0
      done += size
      total = max(total, done)
    }
    try writeRevision(listing.commit)
    guard let found = try ModelFolder(folder).model(file: reference.file) else {
      throw Failure("`\(folder)` lacks what was just fetched", status: .unreadable)
    }
    return found.path
  }

  // MARK: Which files

  private func choose(from listing: HubClient.Listing, folder: String) throws -> [String] {
    let files = ModelFiles(listing.files.keys)
    let page = "\(client.endpoint)/\(reference.repository)"
    func failure(_ message: String, _ help: String) -> Failure {
      Failure("'\(reference.repository)' \(message)", help: help, status: .unreadable)
    }
    switch files.choice(file: reference.file) {
    case .safetensors(let weights):
      if let absent = ModelFiles.needed.first(where: { !files.names.contains($0) }) {
        throw failure("has no \(absent), which a model needs", "look at \(page) for another copy")
      }
      let others = (ModelFiles.needed + ModelFiles.useful).filter(files.names.contains)
      guard weights == ModelFiles.index else { return others + [weights] }
      try fetch(weights, listing, into: folder, done: 0, of: 0)
      return others + [weights] + (try ModelFiles.shards(ofIndex: folder + "/" + weights))
    case .gguf(let parts): return parts
    case .several(let names):
      throw failure(
        "has several GGUF files: \(names.joined(separator: ", "))",
        "name one: load \"\(reference.repository):\(names[0])\"")
    case .missing(let file):
      let near = suggestion(for: file, among: files.ggufs)
      throw failure(
        "has no GGUF file '\(file)'",
        near.map { "did you mean '\($0)'?" } ?? "those it has are listed at \(page)")
    case .foreign(let file):
      throw failure(
        "has its weights in '\(file)' and not as safetensors or GGUF",
        "a pickled file can run code and is not read. Look at \(page) for a pull request that adds "
          + "model.safetensors and load \"\(reference.repository)@refs/pr/NUMBER\", or convert it: "
          + "with transformers, from_pretrained and then save_pretrained; then load that folder")
    case .none: throw failure("has no weights of a language model", "look at \(page)")
    }
  }

  /// Says what will come, and that it fits.
  private func announce(
    _ names: [String], _ listing: HubClient.Listing, _ folder: String
  ) throws {
    let damaged = try names.filter { try CachedFile(folder + "/" + $0).isDamaged() }
    let wanted = names.filter { fileSize(folder + "/" + $0) == nil } + damaged
    if wanted.isEmpty { return }
    let bytes = wanted.reduce(0) { $0 + (listing.files[$1]?.bytes ?? 0) }
    let here = wanted.reduce(0) { sum, name in
      sum + (listing.files[name]?.digest.flatMap { fileSize(blob($0) + ".incomplete") } ?? 0)
    }
    let origin = HubClient.origin(client.endpoint)
    let count = wanted.count == 1 ? "1 file" : "\(wanted.count) files"
    progress.note(
      "fetching \(reference.text) from \(origin): \(count), \(sizeText(bytes))"
        + (here > 0 ? ", \(sizeText(here)) of it came before" : ""))
    try makeFolder(cache.root)
    if let free = freeBytes(in: cache.root), free < bytes - here {
      throw Failure(
        "'\(reference.repository)' needs \(sizeText(bytes - here)), and there are "
          + "\(sizeText(free)) free in `\(cache.root)`",
        help: "make room, or set HF_HUB_CACHE to a folder with more", status: .unreadable)
    }
  }

  // MARK: One file

  private func blob(_ digest: String) -> String {
    cache.folder(of: reference.repository) + "/blobs/" + digest
  }

  private func fetch(
    _ name: String, _ listing: HubClient.Listing, into folder: String, done: Int, of total: Int
  ) throws {
    let path = folder + "/" + name
    if try fileSize(path) != nil && !CachedFile(path).isDamaged() { return }
    guard var file = listing.files[name] else {
      throw Failure(
        "'\(reference.repository)' lacks the file '\(name)', which its index names",
        help: "look at \(client.endpoint)/\(reference.repository)", status: .unreadable)
    }
    let place = try client.place(of: name, at: listing.commit)
    file = HubClient.File(
      bytes: file.bytes ?? place.file.bytes, sha256: file.sha256 ?? place.file.sha256,
      gitDigest: file.gitDigest ?? place.file.gitDigest)
    guard let digest = file.digest else {
      throw Failure(
        "\(client.endpoint) does not give the digest of '\(name)'", status: .unreadable)
    }
    let target = blob(digest)
    let locks = cache.root + "/.locks/" + (cache.folder(of: reference.repository).lastPart)
    let lock = try FileLock(path: "\(locks)/\(digest).lock") {
      progress.note("another process is fetching \(name): waiting for it")
    }
    try withExtendedLifetime(lock) {
      if try CachedFile.isDamaged(blob: target, digest: digest) { unlink(target) }
      if fileSize(target) == nil {
        try makeFolder(target.withoutLastPart)
        let transfer = Transfer(
          name: name, commit: listing.commit, place: place, file: file,
          partial: target + ".incomplete", done: done, total: total)
        try receive(transfer)
        try move(transfer.partial, to: target)
      }
      try link(path, to: target, name: name)
    }
  }

  private struct Transfer {
    var name: String
    var commit: String
    var place: HubClient.Place
    var file: HubClient.File
    var partial: String
    /// Of all files: what came before this one, and what all have together.
    var done: Int
    var total: Int
  }

  /// Goes on with what is there until it is whole and right.
  private func receive(_ transfer: Transfer) throws {
    let began = fileSize(transfer.partial) ?? 0
    try download(transfer)
    if try isRight(transfer) { return }
    unlink(transfer.partial)
    // What an earlier attempt left may have been wrong all along.
    if began > 0 {
      try download(transfer)
      if try isRight(transfer) { return }
      unlink(transfer.partial)
    }
    throw Failure(
      "what was fetched as '\(transfer.name)' is not what \(client.endpoint) lists: its "
        + "\(transfer.file.sha256 == nil ? "SHA-1" : "SHA-256") or its size is wrong",
      help: "nothing was kept: load it again", status: .unreadable)
  }

  private func isRight(_ transfer: Transfer) throws -> Bool {
    if let bytes = transfer.file.bytes, fileSize(transfer.partial) != bytes { return false }
    if let expected = transfer.file.sha256 {
      return try Checksum.sha256(ofFile: transfer.partial, progress: progress) == expected
    }
    return try Checksum.git(ofFile: transfer.partial) == transfer.file.gitDigest
  }

  private func download(_ transfer: Transfer) throws {
    var transfer = transfer
    var failures = 0
    while true {
      let before = fileSize(transfer.partial) ?? 0
      if let bytes = transfer.file.bytes, before >= bytes, before > 0 { return }
      do {
        return try request(transfer, from: before)
      } catch let trouble as Curl.Trouble {
        let moved = (fileSize(transfer.partial) ?? 0) > before
        failures = moved ? 1 : failures + 1
        // The server sends the whole or nothing.
        if trouble.code == Curl.Trouble.cannotResume { unlink(transfer.partial) }
        guard trouble.isPassing, failures < Self.attempts else { throw client.failure(trouble) }
        try pause(failures)
        // Addresses outside of the hub are good for some minutes.
        transfer.place = try client.place(of: transfer.name, at: transfer.commit)
      }
    }
  }

  private func request(_ transfer: Transfer, from offset: Int) throws {
    let partial = PartialFile(path: transfer.partial)
    var size = offset
    var request = Curl.Request(url: transfer.place.url)
    request.token = transfer.place.isOwn ? client.token : nil
    request.followsRedirects = !transfer.place.isOwn
    request.stream = (
      offset,
      { bytes in
        size += bytes.count
        if let most = transfer.file.bytes, size > most { throw tooMuch(transfer) }
        try partial.append(bytes)
      }
    )
    let response = try client.curl.send(request) {
      try progress.update(bytes: transfer.done + size, of: transfer.total)
    }
    switch response.status {
    // An empty file has no bytes to come.
    case 200..<300: try partial.append([])
    // What is asked for begins after the end of what there is.
    case 416:
      throw Curl.Trouble(code: Curl.Trouble.cannotResume, message: "it does not go on with a part")
    case 500...:
      throw Curl.Trouble(code: 22, message: "it answered with status \(response.status)")
    default: throw client.refusal(response, file: transfer.name)
    }
  }

  private func tooMuch(_ transfer: Transfer) -> Failure {
    unlink(transfer.partial)
    return Failure(
      "more is sent as '\(transfer.name)' than \(client.endpoint) lists",
      help: "nothing was kept: load it again", status: .unreadable)
  }

  /// Half a second, then twice as long each time.
  private func pause(_ failures: Int) throws {
    for _ in 0..<(5 << (failures - 1)) {
      usleep(100_000)
      try progress.tick()
    }
  }

  // MARK: The cache

  /// Links a snapshot's file to its blob; where links are not to be had, it is the file itself.
  private func link(_ path: String, to blob: String, name: String) throws {
    try makeFolder(path.withoutLastPart)
    let up = String(repeating: "../", count: 2 + name.split(separator: "/").count - 1)
    // The blob's lock is held: nobody else makes this link.
    let temporary = path.withoutLastPart + "/." + path.lastPart + ".part"
    unlink(temporary)
    if symlink("\(up)blobs/\(blob.lastPart)", temporary) == 0 {
      guard rename(temporary, path) == 0 else {
        let code = errno
        unlink(temporary)
        throw unwritable(path, code)
      }
    } else {
      try move(blob, to: path)
    }
  }

  private func writeRevision(_ commit: String) throws {
    let revision = reference.revision ?? "main"
    if HubCache.isCommit(revision) { return }
    let path = cache.folder(of: reference.repository) + "/refs/" + revision
    try makeFolder(path.withoutLastPart)
    try writeFile(commit, to: path)
  }
}
