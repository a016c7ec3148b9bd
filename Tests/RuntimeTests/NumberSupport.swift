import TestSupport
import Testing

@testable import Model
@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension ColosseumReference {
  static func read() throws -> ColosseumReference { try Fixtures.json("colosseum.json") }

  /// [layers][heads]: what a head reads from each of the spans of the documented prompt.
  var dlaHeadSpan: [[[Double]]] {
    dlaHeadSource.map { $0.map { row in Self.spans.map { row[$0].reduce(0, +) } } }
  }

  /// "Fact:", "The Colosseum", "is in the country of".
  static let spans = [0..<2, 2..<6, 6..<11]
  static let spanNames = ["other", "subject", "relation"]
}

/// A tensor of a safetensors file of F32, in the order of its rows.
func referenceTensor(_ name: String, of file: String) throws -> [Double] {
  try referenceTensor(name, ofPath: Fixtures.path(file))
}

func referenceTensor(_ name: String, ofPath path: String) throws -> [Double] {
  let file = try SafetensorsFile(path: path)
  let tensor = try file.require(name)
  try #require(tensor.type == .f32)
  var values = [Float](repeating: 0, count: tensor.elementCount)
  try values.withUnsafeMutableBytes { try file.read(tensor, into: $0) }
  return values.map(Double.init)
}

/// Whether numbers agree one by one; the worst is named.
func expectClose(
  _ found: [Double], _ wanted: [Double], within tolerance: Double, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  try #require(found.count == wanted.count, "\(what)", sourceLocation: sourceLocation)
  try #require(!found.isEmpty, "\(what)", sourceLocation: sourceLocation)
  let gaps = zip(found, wanted).map { abs($0 - $1) }
  // NaN is larger than any gap.
  let worst = gaps.indices.max { !(gaps[$0] >= gaps[$1]) && !gaps[$0].isNaN } ?? 0
  #expect(
    gaps.allSatisfy { $0 < tolerance },
    "\(what), row \(worst): \(found[worst]) instead of \(wanted[worst])",
    sourceLocation: sourceLocation)
}

/// A session whose lines give tables, as another program would read them from a pipe.
struct PipedSession {
  let session: Session

  init(session: Session) { self.session = session }

  init() throws { session = try documentedSession(format: .tsv) }

  /// On one of the tiny random models among the references, with nothing defined.
  init(tiny name: String) throws {
    session = Session(host: TestHost(format: .tsv))
    session.models.add(
      try LanguageModel(
        path: Fixtures.path(name), pool: WorkerPool(width: 2)), as: name)
  }

  func run(_ line: String) throws -> (table: Table, messages: String) {
    let result = session.running(line)
    try #require(result.status == .done, "\(line): \(result.messages)")
    let table = try parseTable(Array(result.output.utf8), name: line, format: .tsv)
    return (table, result.messages)
  }

  func table(_ line: String) throws -> Table { try run(line).table }

  func define(_ line: String) throws {
    let result = session.running(line)
    try #require(result.status == .done, "\(line): \(result.messages)")
  }
}

extension Table {
  func numbers(_ name: String) throws -> [Double] {
    let values = try column(name).values
    return (0..<rowCount).map { values.number($0) ?? .nan }
  }

  func texts(_ name: String) throws -> [String] {
    let column = try column(name)
    return (0..<rowCount).map { column[$0].description }
  }
}
