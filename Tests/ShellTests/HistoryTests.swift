import Foundation
import Testing

@testable import summand

struct HistoryTests {
  @Test(arguments: [
    "plain", "two\nlines", "back\\slash \\n", "tab\tand\rreturn", "é日🙂", " spaces ", "\\", "\\\\n",
  ])
  func entryIsOneLine(text: String) throws {
    let entry = HistoryEntry(time: 1_700_000_000, text: text)
    #expect(!entry.fileLine.utf8.contains(UInt8(ascii: "\n")))
    #expect(HistoryEntry(fileLine: entry.fileLine.utf8) == entry)
  }

  @Test(arguments: ["", " ", "\r", "1700000000 ", "1700000000 nul \0", "nul \0"])
  func linesThatCannotBeRecalledAreNoEntries(line: String) {
    #expect(HistoryEntry(fileLine: line.utf8) == nil)
  }

  /// Lines as people and other programs write them. What begins with few digits is an expression.
  @Test(arguments: [
    "x y", "12", "2 + 2", "12 bad \\x", "1700000000 bad \\x", "1700000000 ends \\", "1700000000",
    "#1700000000", ": 1700000000:0;country | rank", "  colosseum | dla", "a\\nb", "999999999 x",
  ])
  func plainLinesAreEntries(line: String) {
    #expect(HistoryEntry(fileLine: line.utf8) == HistoryEntry(time: nil, text: line))
    #expect(HistoryEntry(fileLine: (line + "\r").utf8) == HistoryEntry(time: nil, text: line))
  }

  /// As a clock says that was never set.
  @Test func timesHaveTenDigits() {
    for time in [0, 12, 1_700_000_000, 99_999_999_999] {
      let entry = HistoryEntry(time: time, text: "2 + 2")
      #expect(HistoryEntry(fileLine: entry.fileLine.utf8) == entry)
    }
  }

  @Test func fileIsPrivateAndKeepsTheLatestOfEachText() async throws {
    try await withTemporaryFolder { folder in
      let file = HistoryFile(path: folder + "/a/b/history")
      #expect(try file.load().isEmpty)
      for (time, text) in ["one", "two", "one", "three"].enumerated() {
        try file.append(HistoryEntry(time: time, text: text))
      }
      #expect(try file.load().map(\.text) == ["two", "one", "three"])
      #expect(try file.load().map(\.time) == [1, 2, 3])
      let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
      #expect(attributes[.posixPermissions] as? Int == 0o600)
    }
  }

  @Test func damageIsMendedAndPassedOver() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/history"
      let bytes =
        Array("1700000001 one\n1700000002 \u{FFFD}".utf8) + [0xFF, 0x0A]
        + Array("1700000003 half".utf8)
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      let file = HistoryFile(path: path)
      try file.append(HistoryEntry(time: 4, text: "four"))
      #expect(try file.load().map(\.text) == ["one", "half", "four"])
    }
  }

  @Test func longFileIsCutDown() async throws {
    try await withTemporaryFolder { folder in
      let file = HistoryFile(path: folder + "/history", limit: 8)
      for number in 0..<11 {
        try file.append(HistoryEntry(time: 1_000_000_000 + number, text: "\(number)"))
      }
      #expect(try file.load().map(\.text) == (3..<11).map { "\($0)" })
      #expect(
        try String(contentsOfFile: file.path, encoding: .utf8)
          == (3..<11).map { "\($0 + 1_000_000_000) \($0)\n" }.joined())
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["history"])
    }
  }

  /// A long file is cut down as it is, and stays whose it was.
  @Test func cuttingDownKeepsWhatItCannotRead() async throws {
    try await withTemporaryFolder { folder in
      let files = FileManager.default
      try files.createDirectory(atPath: folder + "/dots", withIntermediateDirectories: true)
      let (link, real) = (folder + "/history", folder + "/dots/history")
      try files.createSymbolicLink(atPath: link, withDestinationPath: "dots/history")
      let latin = Array("caf".utf8) + [0xE9, 0x0A]
      let plain = (0..<10).map { "\($0) + 1\n" }.joined()
      try Data(Array(plain.utf8) + latin + Array("2 + 2\r\n1700000000 old\n".utf8))
        .write(to: URL(fileURLWithPath: real))
      try files.setAttributes([.posixPermissions: 0o640], ofItemAtPath: real)
      let file = HistoryFile(path: link, limit: 6)
      #expect(try file.load().map(\.text) == ["7 + 1", "8 + 1", "9 + 1", "2 + 2", "old"])
      #expect(
        files.contents(atPath: real)
          == Data(
            Array("7 + 1\n8 + 1\n9 + 1\n".utf8) + latin + Array("2 + 2\r\n1700000000 old\n".utf8)))
      #expect(try files.destinationOfSymbolicLink(atPath: link) == "dots/history")
      #expect(try files.attributesOfItem(atPath: real)[.posixPermissions] as? Int == 0o640)
      #expect(try files.contentsOfDirectory(atPath: folder + "/dots") == ["history"])
    }
  }

  /// Appends go on while others replace the file, and none is lost.
  @Test func writersAtOnceLoseNothing() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/history"
      // Repetitions make the file too long again and again.
      let file = HistoryFile(path: path, limit: 210)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for writer in 0..<4 {
          group.addTask {
            for index in 0..<50 {
              try file.append(HistoryEntry(time: index, text: "\(writer) \(index)"))
              for _ in 0..<8 { try file.append(HistoryEntry(time: 0, text: "same")) }
              if index % 4 == 0 { _ = try file.load() }
            }
          }
        }
        try await group.waitForAll()
      }
      let texts = Set(try file.load().map(\.text))
      #expect(texts.count == 201)
    }
  }

  @Test func placeOfTheFile() {
    func path(_ variables: [String: String]) -> String? {
      HistoryFile(environment: Environment(variables))?.path
    }
    #expect(path(["HOME": "/h"]) == "/h/.local/state/summand/history")
    #expect(path(["HOME": "/h", "XDG_STATE_HOME": "/s"]) == "/s/summand/history")
    #expect(path(["HOME": "/h", "XDG_STATE_HOME": "s"]) == "/h/.local/state/summand/history")
    #expect(path(["HOME": "/h", "SUMMAND_HISTORY": "f"]) == "f")
    #expect(path(["HOME": "/h", "SUMMAND_HISTORY": ""]) == nil)
  }

  @Test func unusableFileIsSaidOnce() throws {
    let file = HistoryFile(path: "/dev/full")
    let history = try History(file: file)
    #expect(history.add("one")?.contains("/dev/full") == true)
    #expect(history.add("two") == nil)
    #expect(history.entries.map(\.text) == ["one", "two"])
  }
}
