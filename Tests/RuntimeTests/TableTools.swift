import TestSupport
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A table from its text: a line of names, then rows, cells apart by bars and trimmed; nothing is
/// missing.
func table(_ text: String, measure: String? = nil) throws -> Table {
  let lines = text.split(separator: "\n").map { line in
    line.split(separator: "|", omittingEmptySubsequences: false).map { $0.trimmingSpaces() }
  }
  let tsv = lines.map { $0.joined(separator: "\t") }.joined(separator: "\n")
  var table = try parseTable(Array(tsv.utf8), name: "test", format: .tsv)
  table.measure = measure
  return table
}

/// Rows as lines of cells apart by bars, what is missing as nothing.
func lines(_ table: Table) -> [String] {
  let rows = (0..<table.rowCount).map { table.row($0).map(\.description) }
  return ([table.columnNames] + rows).map { $0.joined(separator: "|") }
}

/// The elements of a JSON array in `Fixtures/Tables`.
func fixture(_ name: String) throws -> [JSONValue] {
  let path = packageRoot.appending(path: "Tests/RuntimeTests/Fixtures/Tables/\(name)").path
  return try #require(try JSONParser.parse(readBytes(path: path)[...]).array)
}

/// What `body` throws.
func failure(_ body: () throws -> Void) throws -> Failure {
  do {
    try body()
  } catch let failure as Failure {
    return failure
  }
  Issue.record("nothing was thrown")
  return Failure("nothing")
}
