import Foundation
import TestSupport
import Testing

@testable import Runtime

/// `save` as an array and `read` of many kinds of files, on a tiny model.
@Suite struct ArrayTests {
  private func withSession(_ body: (Session, _ folder: String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "arrays-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let session = Session(host: TestHost(format: .tsv))
    let lines = """
      load "\(tinyModelPath)" as tiny
      let one = prompt "{subject:the sky} is a" -> "b"
      let several = [one, (prompt "a {subject:sea of} it is a" -> "c"), (prompt "{subject:it}" -> "b")]
      """
    let (status, _, messages) = session.running(lines)
    try #require(status == .done, "\(messages)")
    try body(session, folder.path)
  }

  private func run(_ line: String, in session: Session) throws -> String {
    let (status, output, messages) = session.running(line)
    try #require(status == .done, "\(line): \(messages)")
    return output
  }

  private func table(_ line: String, in session: Session) throws -> Table {
    guard case .table(let value) = try session.evaluate(line: line) else {
      Issue.record("\(line) is no table")
      return Table(columns: [])
    }
    return value.table
  }

  /// What is computed as it is written equals the table that is computed first, in every format.
  @Test(
    arguments: ["npz", "npy", "safetensors", "parquet", "csv", "json"],
    [
      "several | activations L1.resid_pre", "several | activations L1.resid_pre@last",
      "one | activations L1H{0,1}.z@subject", "several | activations L1.ln1.scale",
      "several | ablate L0H0 | activations L1.mlp_out@last",
      // Of sources there are differently many.
      "several | activations L1.pattern", "one | activations L1H0.attn_scores@last",
      "several | activations L0.resid_pre@last, L1H0.z@last",
      // What is cut is −∞ by right.
      "one | knockout subject -> last | activations L1H0.attn_scores@last",
    ])
  func whatIsSavedIsWhatIsMeasured(ending: String, measure: String) throws {
    try withSession { session, folder in
      let (streamed, kept) = ("\(folder)/a.\(ending)", "\(folder)/b.\(ending)")
      let measured = try table(measure, in: session)
      _ = try run(
        "\(measure) | save \"\(streamed)\"; let t = \(measure); t | save \"\(kept)\"", in: session)
      let read = try readFiles(streamed, format: nil)
      for column in measured.columns where column.values.missingCount < column.count {
        let found = try #require(read[column.name])
        #expect(found.count == column.count)
        // NumPy has no missing integers, and CSV no single precision.
        let isSame = zip(0..<found.count, 0..<column.count).allSatisfy { one, other in
          guard let number = column.values.number(other) else { return found[one] == column[other] }
          return found.values.number(one).map { Float($0) } == Float(number)
        }
        #expect(isSame, "\(column.name)")
      }
      #expect(try read.columns == readFiles(kept, format: nil).columns)
    }
  }

  @Test func theArrayHasARowForEachPosition() throws {
    try withSession { session, folder in
      let path = "\(folder)/x.npz"
      _ = try run("several | activations L1.resid_pre | save \"\(path)\"", in: session)
      let zip = try ZipReader(try readBytes(path: path)[...], name: path)
      #expect(zip.names == ["values.npy", "index.npy"])
      let values = try NumpyArray(
        try zip.bytes(of: "values.npy") ?? [], name: "values")
      let records = try NumpyArray(try zip.bytes(of: "index.npy") ?? [], name: "index").records()
      let index = try #require(records)
      let tokens = try table("several | tokens", in: session)
      #expect(values.shape == [tokens.rowCount, 32])
      for name in ["position", "token_id", "token"] {
        #expect(index[name] == tokens[name], "\(name)")
      }
      let spans = try #require(tokens["span"]).values
      #expect(
        (0..<tokens.rowCount).allSatisfy { index["span"]?[$0].description == spans[$0].description }
      )
      #expect(try Set(index.texts("prompt_number")) == ["0", "1", "2"])
      #expect(index["head"] == nil)
      #expect(zip.comment.contains("\"summand\"") && zip.comment.contains("\"sha256\""))
    }
  }

  /// The provenance of each format, where its readers look for it.
  @Test func provenance() throws {
    try withSession { session, folder in
      for name in ["x.safetensors", "x.npy", "x.parquet"] {
        _ = try run("several | ablate L0H0 | dla by head | save \"\(folder)/\(name)\"", in: session)
      }
      let tensors = try SafetensorsArrays(
        try readBytes(path: "\(folder)/x.safetensors")[...], name: "x")
      #expect(tensors.metadata["provenance"]?.contains("\"edits\": [\"ablate L0H0") == true)
      let text = String(decoding: try readBytes(path: "\(folder)/x.npy.json"), as: UTF8.self)
      #expect(text.contains("\"edits\": [\"ablate L0H0"))
      let parquet = String(decoding: try readBytes(path: "\(folder)/x.parquet"), as: UTF8.self)
      #expect(parquet.contains("\"edits\": [\"ablate L0H0"))
      // The names of the numbers come back.
      for name in ["x.safetensors", "x.npy"] {
        #expect(try readFiles("\(folder)/\(name)", format: nil)["dla"]?.kind == .singles)
      }
    }
  }

  /// The table of the numbers would not fit, and the array is written all the same.
  @Test func whatFitsNoMemoryIsWritten() throws {
    try withSession { session, folder in
      let long = String(repeating: "the sky ", count: 40)
      _ = try run(
        "let long = [\((0..<8).map { "\"\($0) \(long)\"" }.joined(separator: ", "))]", in: session)
      (session.host as? TestHost)?.memory = 4 << 20
      let refused = session.running("long | activations L1.resid_pre | summary")
      #expect(
        refused.status == .failed && refused.messages.contains("of memory"), "\(refused.messages)")
      for ending in ["npz", "npy", "safetensors", "parquet"] {
        _ = try run("long | activations L1.resid_pre | save \"\(folder)/x.\(ending)\"", in: session)
      }
      let plan = try run(
        "plan long | activations L1.resid_pre | save \"\(folder)/no.npz\"", in: session)
      #expect(plan.contains("\"activations\"\t8\t"), "\(plan)")
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/no.npz"))
    }
  }

  /// A run that cannot be leaves no file, and no part of one.
  @Test func aFailureLeavesNoFile() throws {
    try withSession { session, folder in
      let path = "\(folder)/sub/x.npz"
      let early = session.running("one | activations L1.resid_pre | save \"\(path)\"")
      #expect(early.messages.contains("there is no folder"), "\(early.messages)")
      let words = session.running("one | tokens | select token | save \"\(folder)/x.npz\"")
      #expect(
        words.messages.contains("needs a column of floating-point numbers"), "\(words.messages)")
      let left = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(left.isEmpty)
    }
  }

  @Test func manyFilesAsOne() throws {
    try withSession { session, folder in
      for (name, text) in [
        ("b.ndjson", "{\"a\": 1, \"c\": \"x\"}\n"), ("a.ndjson", "{\"a\": 2.5}\n{\"a\": 3}\n"),
        ("x.csv", "a\n1\n"),
      ] {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
      }
      let read = try run("read \"\(folder)/*.ndjson\"", in: session)
      let (a, b) = ("\"\(folder)/a.ndjson\"", "\"\(folder)/b.ndjson\"")
      #expect(read == "\"file\"\t\"a\"\t\"c\"\n\(a)\t2.5\t\n\(a)\t3.0\t\n\(b)\t1.0\t\"x\"\n")
      let none = session.running("read \"\(folder)/*.tsv\"")
      #expect(none.status == .unreadable && none.messages.contains("no file matches '"))
      try Data("file\n1\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/y.csv"))
      #expect(session.running("read \"\(folder)/?.csv\"").messages.contains("has a column `file`"))
      // A file of that very name is itself.
      try Data("a\n7\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/[1]*.csv"))
      #expect(lines(try table("read \"\(folder)/[1]*.csv\"", in: session)) == ["a", "7"])
    }
  }

  @Test func linesAndLists() throws {
    try withSession { session, folder in
      for (name, text, expected) in [
        ("x.txt", "One, two\r\n\n \"three\"", ["text", "One, two", "", " \"three\""]),
        ("tabs.txt", "a\tb\n1\t2\n", ["a|b", "1|2"]),
        ("l.json", "[\" a\", \"b\"]", ["value", " a", "b"]),
        ("n.json", "[1, null, 2.5]", ["value", "1.0", "", "2.5"]),
      ] {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
        #expect(lines(try table("read \"\(folder)/\(name)\"", in: session)) == expected)
      }
      let asLines = try table("read \"\(folder)/tabs.txt\" as lines", in: session)
      #expect(lines(asLines) == ["text", "a\tb", "1\t2"])
      let wrong = session.running("read \"\(folder)/x.txt\" as npz")
      #expect(wrong.status == .unreadable)
      #expect(wrong.messages.contains("has no directory of a zip file"), "\(wrong.messages)")
    }
  }

  /// An index that is not the array's own is an error, not another array.
  @Test func anIndexThatDoesNotFit() throws {
    try withSession { session, folder in
      let path = "\(folder)/x.npy"
      _ = try run(
        "one | dla by head | save \"\(path)\"; one | tokens | take 1 | save \"\(path).json\"",
        in: session)
      let refused = session.running("read \"\(path)\"")
      #expect(refused.messages.contains("an index of 1 row"), "\(refused.messages)")
      try Data("[1]".utf8).write(to: URL(fileURLWithPath: path + ".json"))
      #expect(
        session.running("read \"\(path)\"").messages.contains("is not the index that `save` writes")
      )
    }
  }
}

extension Session {
  /// The value of a line.
  fileprivate func evaluate(line: String) throws -> Value {
    _ = running("let lineResult = \(line)")
    return try requireVariable("lineResult")
  }
}
