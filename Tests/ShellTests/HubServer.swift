import Foundation
import TestSupport
import Testing

/// The hub on loopback that `Fixtures/Hub/server.py` is, and a home in which nothing is yet.
final class HubServer: Sendable {
  struct Request: Decodable, Equatable {
    /// `hub`, or `store`, to which it redirects for large files.
    var port: String
    var method: String
    var path: String
    var range: String?
    var authorization: String?
  }

  private let server: LoopbackServer

  /// - Parameter repositories: `test/name`, each with the tiny model in it.
  init(_ repositories: [String] = []) throws {
    server = try LoopbackServer { folder in
      try FileManager.default.createDirectory(
        atPath: folder + "/person", withIntermediateDirectories: true)
      for repository in repositories {
        try Self.copy(Fixtures.path("tiny-gqa"), to: folder + "/models/" + repository)
      }
    }
  }

  private var folder: String { server.folder }
  var endpoint: String { server.url }

  private static func copy(_ source: String, to target: String) throws {
    try FileManager.default.createDirectory(
      atPath: URL(fileURLWithPath: target).deletingLastPathComponent().path,
      withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: source, toPath: target)
  }

  /// Puts a file of the fixtures into a repository.
  func add(_ fixture: String, as file: String) throws {
    try Self.copy(Fixtures.path(fixture), to: folder + "/models/" + file)
  }

  func write(_ text: String, as file: String) throws {
    let path = folder + "/models/" + file
    try FileManager.default.createDirectory(
      atPath: URL(fileURLWithPath: path).deletingLastPathComponent().path,
      withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
  }

  func remove(_ repository: String) throws {
    try FileManager.default.removeItem(atPath: folder + "/models/" + repository)
  }

  var cache: String { folder + "/person/.cache/huggingface/hub" }

  /// The blob that a file of a repository in the cache is a link to.
  func blob(_ repository: String, _ file: String) throws -> String {
    let folder = cache + "/models--" + repository.replacing("/", with: "--")
    let commit = try String(contentsOfFile: folder + "/refs/main", encoding: .utf8)
    let link = try FileManager.default.destinationOfSymbolicLink(
      atPath: "\(folder)/snapshots/\(commit)/\(file)")
    return folder + "/blobs/" + (link as NSString).lastPathComponent
  }

  var environment: [String: String] {
    ["HOME": folder + "/person", "XDG_CACHE_HOME": "", "HF_ENDPOINT": endpoint]
  }

  /// Runs a text with `summand`, for which this is the hub.
  func run(_ text: String, environment: [String: String] = [:]) async throws
    -> BuiltProgram.Outcome
  {
    try await BuiltProgram.run(
      ["-c", text], environment: self.environment.merging(environment) { $1 })
  }

  /// Runs a text until `bytes` of a file are there that is not yet whole, and presses Ctrl-C.
  func interrupt(_ text: String, having bytes: Int) async throws -> BuiltProgram.Outcome {
    let cache = cache
    return try await BuiltProgram.run(
      BuiltProgram.path, ["-c", text], environment: environment, interruptAfter: "fetching"
    ) {
      try Self.files(below: cache).contains {
        let size = try FileManager.default.attributesOfItem(atPath: cache + "/" + $0)[.size]
        return $0.hasSuffix(".incomplete") && (size as? Int) == bytes
      }
    }
  }

  /// What was asked of either port so far.
  func requests() throws -> [Request] {
    guard let log = FileManager.default.contents(atPath: folder + "/requests") else { return [] }
    return try log.split(separator: UInt8(ascii: "\n")).map {
      try JSONDecoder().decode(Request.self, from: $0)
    }
  }

  /// The files below the cache, links and hidden ones among them, by their paths from it.
  func cached() throws -> [String] { try Self.files(below: cache) }

  private static func files(below cache: String) throws -> [String] {
    guard FileManager.default.fileExists(atPath: cache) else { return [] }
    return try FileManager.default.subpathsOfDirectory(atPath: cache).filter { path in
      var isDirectory: ObjCBool = false
      _ = FileManager.default.fileExists(
        atPath: cache + "/" + path, isDirectory: &isDirectory)
      return !isDirectory.boolValue
    }.sorted()
  }
}
