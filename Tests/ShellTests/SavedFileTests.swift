import Foundation
import Testing

/// What `save`, `plot … to` and `report` do to the files that they write, and to those that were there.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct SavedFileTests {
  /// Writes `name` in `folder` by the command for its ending.
  private func write(
    _ name: String, in folder: String, before: String = ""
  ) async throws -> BuiltProgram.Outcome {
    let path = folder + "/" + name
    let table = "read \"\(BuiltProgram.facts)\" | take 3 | derive n = 1"
    let source =
      switch name.split(separator: ".").last {
      case "svg": "\(table) | plot bar subject, n to \"\(path)\""
      case "html": "report \"\(path)\" { 1 }"
      default: "\(table) | save \"\(path)\" as csv"
      }
    return try await BuiltProgram.shell("\(before) summand -c '\(source)'")
  }

  private func mode(_ path: String) throws -> Int {
    try #require(
      try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
  }

  private static let names = ["x.csv", "x.svg", "x.html"]

  @Test(arguments: names)
  func modeIsKept(name: String) async throws {
    for kept in [0o600, 0o640, 0o664, 0o755, 0o622] {
      try await withTemporaryFolder { folder in
        let path = folder + "/" + name
        try Data("old".utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: kept], ofItemAtPath: path)
        let ended = try await write(name, in: folder)
        #expect(ended.status == 0, "\(ended.messages)")
        #expect(try mode(path) == kept)
        #expect(FileManager.default.contents(atPath: path) != Data("old".utf8))
      }
    }
  }

  @Test(arguments: names)
  func newFilesFollowTheMask(name: String) async throws {
    for (mask, expected) in [("022", 0o644), ("077", 0o600), ("002", 0o664), ("027", 0o640)] {
      try await withTemporaryFolder { folder in
        let ended = try await write(name, in: folder, before: "umask \(mask);")
        #expect(ended.status == 0, "\(ended.messages)")
        #expect(try mode(folder + "/" + name) == expected)
      }
    }
  }

  @Test(arguments: names)
  func linksAreWrittenThrough(name: String) async throws {
    try await withTemporaryFolder { folder in
      let files = FileManager.default
      for inner in ["a", "b"] {
        try files.createDirectory(atPath: "\(folder)/\(inner)", withIntermediateDirectories: true)
      }
      try Data("old".utf8).write(to: URL(fileURLWithPath: folder + "/b/real"))
      try files.setAttributes([.posixPermissions: 0o660], ofItemAtPath: folder + "/b/real")
      try files.createSymbolicLink(atPath: folder + "/a/second", withDestinationPath: "../b/real")
      try files.createSymbolicLink(atPath: "\(folder)/\(name)", withDestinationPath: "a/second")
      #expect(try await write(name, in: folder).status == 0)
      #expect(try files.destinationOfSymbolicLink(atPath: "\(folder)/\(name)") == "a/second")
      #expect(try files.destinationOfSymbolicLink(atPath: folder + "/a/second") == "../b/real")
      #expect(files.contents(atPath: folder + "/b/real") != Data("old".utf8))
      #expect(try mode(folder + "/b/real") == 0o660)
      // A link to nothing yet is where the new file goes.
      try files.removeItem(atPath: folder + "/b/real")
      #expect(try await write(name, in: folder).status == 0)
      #expect(files.contents(atPath: folder + "/b/real") != nil)
      // A circle has no end to write to.
      try files.createSymbolicLink(
        atPath: "\(folder)/circle-\(name)", withDestinationPath: "circle-\(name)")
      let circle = try await write("circle-\(name)", in: folder)
      #expect(circle.status == 1)
      #expect(circle.messages.contains("cannot be written: Too many levels"), "\(circle.messages)")
    }
  }

  /// A file that is protected against writing is; so is what lies in no folder, or is one.
  @Test(arguments: names)
  func refusalsLeaveNothing(name: String) async throws {
    try await withTemporaryFolder { folder in
      try FileManager.default.createDirectory(
        atPath: "\(folder)/is-folder-\(name)", withIntermediateDirectories: true)
      for (file, reason) in [
        ("none/\(name)", "No such file"), ("is-folder-\(name)", "Is a directory"),
        (String(repeating: "n", count: 300) + name, "File name too long"),
      ] {
        let ended = try await write(file, in: folder)
        #expect(ended.status == 1)
        #expect(ended.messages.contains("cannot be written: \(reason)"), "\(ended.messages)")
      }
      #expect(
        try FileManager.default.subpathsOfDirectory(atPath: folder) == ["is-folder-\(name)"])
    }
  }

  @Test func fullDevice() async throws {
    let full = try await BuiltProgram.run([
      "-c", "read \"\(BuiltProgram.facts)\" | save \"/dev/full\" as csv",
    ])
    #expect(full.status == 1)
    #expect(full.messages.contains("cannot be written: No space left on device"))
  }

  /// The longest name that a file can have leaves room for that of its part.
  @Test func longestName() async throws {
    try await withTemporaryFolder { folder in
      let name = String(repeating: "é", count: 125) + ".csv"
      for _ in 0..<2 {
        let ended = try await write(name, in: folder)
        #expect(ended.status == 0)
      }
      let files = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(files == [name])
    }
  }

  /// What a process that was killed left is gone when the same file is written again.
  @Test func leftoversAreRemoved() async throws {
    try await withTemporaryFolder { folder in
      try Data("half".utf8).write(to: URL(fileURLWithPath: folder + "/.x.csv.part"))
      #expect(try await write("x.csv", in: folder).status == 0)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["x.csv"])
    }
  }

  @Test func writersAtOnce() async throws {
    try await withTemporaryFolder { folder in
      try await withThrowingTaskGroup { group in
        for _ in 0..<8 { group.addTask { try await self.write("x.csv", in: folder) } }
        for try await ended in group { #expect(ended.status == 0, "\(ended.messages)") }
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["x.csv"])
      let text = try String(contentsOfFile: folder + "/x.csv", encoding: .utf8)
      #expect(text.split(separator: "\n").count == 4)
    }
  }

  /// A file that is replaced under standard output would lose what is printed afterwards.
  @Test(arguments: [">", ">>"])
  func standardOutputAsAFile(redirection: String) async throws {
    try await withTemporaryFolder { folder in
      let table = "read \"\(BuiltProgram.facts)\" | select answer | take 1"
      for path in ["/dev/stdout", folder + "/out"] {
        _ = try await BuiltProgram.shell(
          "rm -f \(folder)/out; summand -c '\"before\"; \(table) | save \"\(path)\" as csv; \"after\"' "
            + "\(redirection) \(folder)/out")
        let lines = try String(contentsOfFile: folder + "/out", encoding: .utf8)
          .split(separator: "\n")
        #expect(lines.count == 4)
        #expect(lines.first == "before")
        #expect(lines.last == "after")
      }
      let piped = try await BuiltProgram.shell(
        "summand -c '\"before\"; \(table) | save \"/dev/stdout\" as csv; \"after\"' | cat")
      #expect(piped.output.split(separator: "\n").count == 4)
    }
  }

  @Test func pipeThatNobodyReads() async throws {
    try await withTemporaryFolder { folder in
      let source =
        "!mkfifo \(folder)/p; echo began >&2\n"
        + "read \"\(BuiltProgram.facts)\" | save \"\(folder)/p\" as csv"
      let stopped = try await BuiltProgram.run(
        BuiltProgram.path, ["-c", source], interruptAfter: "began")
      #expect(stopped.status == 130)
      let read = try await BuiltProgram.shell(
        "cat \(folder)/p & summand -c 'read \"\(BuiltProgram.facts)\" | save \"\(folder)/p\" as csv'; wait"
      )
      #expect(read.output.hasPrefix("subject,answer"))
    }
  }
}
