import Foundation
import Lang
import Testing

@testable import Runtime

/// A session on a tiny model with five prompts, `few`, and a folder for what it saves.
struct ShardSession {
  let session: Session
  let folder: URL

  init(environment: [String: String] = [:]) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "shards-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    session = Session(
      host: TestHost(
        format: .tsv, environment: environment.merging(["HOME": "/nonexistent"]) { a, _ in a }))
    try run(Self.prologue)
  }

  static var prologue: String {
    """
    load "\(tinyModelPath)" as other
    load "\(tinyModelPath)" as tiny
    let few = [(prompt "{subject:the sky} {relation:is} a" -> "b" vs "c"), \
    (prompt "{subject:a sea} {relation:is} a" -> "c" vs "b"), \
    (prompt "{subject:the sea} {relation:is} a" -> "a" vs "b"), \
    (prompt "{subject:a sky} {relation:is} a" -> "b" vs "a"), \
    (prompt "{subject:the sky} {relation:is} b" -> "a" vs "c")]
    """
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  func path(_ name: String) -> String { folder.appending(path: name).path }

  func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: folder.appending(path: name))
  }

  @discardableResult
  func run(_ text: String) throws -> (output: String, messages: String) {
    let (status, output, messages) = session.running(text)
    try #require(status == .done, "\(text): \(messages)")
    // An empty line parts a table from the one before it.
    return (output.hasPrefix("\n") ? String(output.dropFirst()) : output, messages)
  }

  func failing(_ text: String) -> (status: Runtime.ExitStatus, messages: String) {
    let (status, _, messages) = session.running(text)
    return (status, messages)
  }

  /// Saves every shard of a line, in which SHARD stands for `shard i of n`.
  func saveShards(_ line: String, _ count: Int, as ending: String) throws {
    let shards = folder.appending(path: "out")
    try? FileManager.default.removeItem(at: shards)
    try FileManager.default.createDirectory(at: shards, withIntermediateDirectories: true)
    for number in 1...count {
      let own = line.replacing("SHARD", with: "shard \(number) of \(count)")
      // The names are not in the order of the numbers.
      try run("\(own) | save \"\(path("out/\((number * 7) % 101).\(ending)"))\"")
    }
  }

  static func whole(_ line: String) -> String { line.replacing(" | SHARD", with: "") }
}
