import Foundation
import TestSupport
import Testing

@testable import Runtime

/// Parquet and arrays: files that others wrote, against what these say is in them.
@Suite struct BinaryFileTests {
  private static let fixtures = packageRoot.appending(path: "Tests/RuntimeTests/Fixtures")

  /// The files of a folder with what its `expected.json` says of them.
  private static func files(_ folder: String) throws -> [(path: String, expected: JSONValue)] {
    let folder = fixtures.appending(path: folder).path + "/"
    let expected = try JSONParser.parse(try readBytes(path: folder + "expected.json")[...])
    return try #require(expected.members).map { (folder + $0.key, $0.value) }
  }

  @Test(arguments: ["arrays", "parquet"]) func filesOfOthers(folder: String) throws {
    for (path, expected) in try Self.files(folder) {
      if let problem = expected.string {
        let refused = try failure { _ = try readFiles(path, format: nil) }
        #expect(refused.message.contains(problem), "\(path): \(refused.message)")
        #expect(refused.status == .unreadable)
        continue
      }
      let table = try readFiles(path, format: nil)
      let members = try #require(expected.members)
      #expect(table.columnNames == members.map(\.key), "\(path)")
      for (column, member) in zip(table.columns, members) {
        let wanted = (member.value.array ?? []).map(\.cell)
        #expect(column.count == wanted.count, "\(path): \(column.name)")
        for row in 0..<min(column.count, wanted.count) {
          #expect(isSame(column[row], wanted[row]), "\(path): \(column.name), row \(row)")
        }
      }
    }
  }

  /// JSON has no infinities, and one kind of float.
  private func isSame(_ found: Cell, _ wanted: Cell) -> Bool {
    if case .text(let text) = wanted, let number = namedNumber(text) {
      return found.number == number
    }
    if let number = found.number, case .single(let single) = found {
      return wanted.number.map { Float($0) == single && number == Double(single) } ?? false
    }
    if let one = found.number, let other = wanted.number { return one == other }
    return found == wanted
  }

  // MARK: Parquet

  private func parquet(_ table: Table, _ provenance: Provenance = Provenance()) throws -> [UInt8] {
    var bytes: [UInt8] = []
    let append: ([UInt8]) -> Void = { bytes += $0 }
    try writing(into: append) { sink in
      var writer = try ParquetWriter(columnsOf: table, into: &sink)
      try writer.append(table, into: &sink)
      try writer.finish(provenance, into: &sink)
    }
    return bytes
  }

  /// Groups, runs and packed places of dictionaries of every width, and everything missing.
  @Test func parquetGivesBackWhatItWasGiven() throws {
    let count = ParquetWriter.rowsPerGroup + 77
    let texts = (0..<count).map { row -> String? in
      if row % 7 == 3 { return nil }
      // Two texts that look alike and have different bytes; a stretch of one; many different ones.
      if row < 100 { return row % 2 == 0 ? "e\u{301}" : "\u{E9}" }
      return row < 40_000 ? "a" : "text \(row * row % 3001)"
    }
    let some = (0..<count).map { (row: Int) -> Int? in row % 5 == 0 ? nil : Int.min + row }
    let singles = (0..<count).map { (row: Int) -> Float in row % 3 == 0 ? .nan : Float(row) / 3 }
    var doubles = (0..<count).map { (row: Int) -> Double in Double(row) / 7 }
    doubles[1] = -.infinity
    let flags = (0..<count).map { (row: Int) -> Bool? in row % 4 == 1 ? nil : row % 3 == 0 }
    let table = Table(columns: [
      Column("row", .integers(Array(0..<count))),
      Column("some", .integers(some)),
      Column("f32", .singles(singles)),
      Column("f64", .doubles(doubles)),
      Column("ok", .booleans(flags)),
      Column("text", .texts(texts)),
      Column("one", .texts([String?](repeating: "same", count: count))),
      Column("none", .texts([String?](repeating: nil, count: count))),
    ])
    let bytes = try parquet(table)
    let read = try ParquetReader(bytes[...], name: "t").table()
    #expect(read.columns == table.columns)
    let found = try #require(read["text"]).values
    guard case .texts(let again) = found else { return }
    #expect(again.map { $0.map { Array($0.utf8) } } == texts.map { $0.map { Array($0.utf8) } })
    // A dictionary is there because it is shorter.
    #expect(bytes.count < count * 45)
    let nothing = try ParquetReader(try parquet(try table.take(0))[...], name: "t").table()
    #expect(nothing.columns.map(\.kind) == table.columns.map(\.kind) && nothing.rowCount == 0)
  }

  @Test func damagedParquetIsRefused() throws {
    let bytes = try parquet(Table(columns: [Column("x", .integers([1, 2, 3]))]))
    func message(_ bytes: [UInt8]) throws -> String {
      try failure { _ = try ParquetReader(bytes[...], name: "t").table() }.message
    }
    #expect(try message(Array(bytes.dropLast())).contains("ends in the middle of its rows"))
    #expect(try message([0] + bytes).contains("does not begin with PAR1"))
    var other = bytes
    other[other.count - 8] = 0xFF
    #expect(try message(other).hasPrefix("`t` "))
  }

  // MARK: Zip

  @Test func checksumsAreThoseOfZip() {
    var checksum = CRC32()
    checksum.add(Array("123456789".utf8))
    #expect(checksum.value == 0xCBF4_3926)
  }

  /// What is compressed comes back, in pieces of any size, matches of any length and distance.
  @Test(arguments: [0, 12, 300, 40_000]) func deflatedBytesComeBack(record: Int) throws {
    var chance = SeededGenerator(seed: 5)
    var bytes: [UInt8] = []
    for round in 0..<2000 {
      let record = (0..<24).map { _ in UInt8.random(in: 0...3, using: &chance) * 85 }
      bytes += round % 3 == 0 ? record : Array(bytes.suffix(12 * (1 + round % 40)))
    }
    var deflater = Deflater(record: record)
    var compressed: [UInt8] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Int.random(in: 1...90_000, using: &chance)
      compressed += deflater.add(Array(rest.prefix(count)))
      rest = rest.dropFirst(count)
    }
    compressed += deflater.finish()
    #expect(try Inflater.bytes(of: compressed[...], size: bytes.count) == bytes)
    #expect(compressed.count < bytes.count / 3)
    #expect(throws: Inflater.Damaged.self) {
      try Inflater.bytes(of: compressed.dropLast(), size: bytes.count)
    }
    #expect(throws: Inflater.Damaged.self) {
      try Inflater.bytes(of: compressed[...], size: bytes.count + 1)
    }
  }

  /// Python opens what has more than 32 bits can say, here more than 10.
  @Test(arguments: [10, 1000, 0xFFFF_FFFE]) func pythonOpensZipFiles(most: Int) throws {
    var bytes: [UInt8] = []
    let (first, second) = (
      Array("stored, 26 bytes in length".utf8), [UInt8](repeating: 7, count: 5000)
    )
    let append: ([UInt8]) -> Void = { bytes += $0 }
    try writing(into: append) { sink in
      var zip = ZipWriter(most: most)
      try zip.write("a", size: first.count, into: &sink) { try $0(first) }
      try zip.write("b", size: second.count, record: 4, into: &sink) { write in
        for start in stride(from: 0, to: 5000, by: 1000) {
          try write(Array(second[start..<start + 1000]))
        }
      }
      try zip.finish(comment: "said", into: &sink)
    }
    let read = try ZipReader(bytes[...], name: "z")
    #expect(read.names == ["a", "b"] && read.comment == "said")
    #expect(try read.bytes(of: "a").map(Array.init) == first)
    #expect(try read.bytes(of: "b").map(Array.init) == second)
    let path = FileManager.default.temporaryDirectory.appending(path: "zip-\(UUID().uuidString)")
      .path
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let python = Process()
    python.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    python.arguments = [
      "python3", "-c",
      "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; "
        + "assert z.read('a') == b'stored, 26 bytes in length' and z.read('b') == bytes([7]) * 5000; "
        + "assert z.comment == b'said'", path,
    ]
    try python.run()
    python.waitUntilExit()
    #expect(python.terminationStatus == 0)
  }

  @Test func aDamagedMemberIsFound() throws {
    let path = Self.fixtures.appending(path: "arrays/stored.npz").path
    var bytes = try readBytes(path: path)
    let place = try #require(bytes.firstIndex(of: 0x93))
    bytes[place + 130] ^= 1
    let refused = try failure { _ = try BinaryFormat.npz.table(bytes, path: "t") }
    #expect(refused.message.contains("has another checksum"), "\(refused.message)")
  }
}
