import Model

/// What the file of a shard says of it: enough for `merge` to put the whole together.
struct ShardRecord: Equatable {
  var shard: Shard
  /// The measure, and what was done to its rows since, as written.
  var stages: [String]
  /// The column that `top N` without `by` ranks by.
  var measure: String?
  /// How many rows each of its units has, in their order; neighbours that have equally many are one run.
  var runs: [UnitRun]
  var prompts: ListedPrompts

  /// Units in a row, each with as many rows.
  struct UnitRun: Equatable {
    var units: Int
    var rows: Int
  }

  /// The prompts that the file lists, among those of the whole.
  struct ListedPrompts: Equatable {
    /// How many the whole has.
    var count: Int
    /// Where among them those of the file are; nil: it has all.
    var places: [Int]?
    /// SHA-256 of the whole's list.
    var digest: String
  }

  static let key = "shard"
}

extension ShardRecord {
  /// Counts the rows of a shard's units.
  struct Counter {
    private let shard: Shard
    private(set) var runs: [UnitRun] = []
    private var place = -1
    private var rows = 0

    init(_ shard: Shard) { self.shard = shard }

    /// - Throws: `Failure` where the rows of a unit do not follow each other.
    mutating func add(_ table: Table) throws {
      guard table.rowCount > 0 else { return }
      guard let units = table.units, units.count == table.rowCount else { throw Self.lost }
      for unit in units {
        let next = unit / shard.count
        guard shard.holds(unit), next >= place else { throw Self.lost }
        if next > place {
          close(before: next)
          place = next
        }
        rows += 1
      }
    }

    private static var lost: Failure {
      Failure(
        "the rows of this shard are not in the whole's order",
        help: "this is a bug in Summand: please report it")
    }

    private mutating func close(before next: Int) {
      if place >= 0 { append(rows, 1) }
      append(0, next - place - 1)
      rows = 0
    }

    private mutating func append(_ rows: Int, _ units: Int) {
      guard units > 0 else { return }
      if runs.last?.rows == rows {
        runs[runs.count - 1].units += units
      } else {
        runs.append(UnitRun(units: units, rows: rows))
      }
    }

    /// Of all rows that were added.
    mutating func finish() -> [UnitRun] {
      if place >= 0 { close(before: place + 1) }
      place = -1
      return runs
    }
  }
}

// MARK: - JSON

extension ShardRecord {
  var json: JSONValue {
    var members: [(String, JSONValue)] = [
      ("number", .integer(shard.number)), ("of", .integer(shard.count)),
      ("divides", .string(shard.division.rawValue)),
      ("stages", .array(stages.map(JSONValue.string))),
      ("measure", measure.map(JSONValue.string) ?? .null),
      ("rows", .array(runs.map { .array([.integer($0.units), .integer($0.rows)]) })),
      ("prompts", .integer(prompts.count)), ("prompts_sha256", .string(prompts.digest)),
    ]
    if let places = prompts.places {
      members.append(("places", .array(places.map(JSONValue.integer))))
    }
    return .object(members.map { JSONValue.Member($0, $1) })
  }

  /// Nil for what no version of `save` writes.
  init?(_ json: JSONValue) {
    guard let number = json["number"]?.integer, let count = json["of"]?.integer,
      let division = json["divides"]?.string.flatMap(Shard.Division.init),
      (1...max(1, count)).contains(number), let stages = json["stages"]?.array,
      let runs = json["rows"]?.array, let all = json["prompts"]?.integer, all >= 0,
      let digest = json["prompts_sha256"]?.string
    else { return nil }
    self.shard = Shard(number: number, count: count, division: division)
    self.stages = stages.compactMap(\.string)
    measure = json["measure"]?.string
    self.runs = runs.compactMap { run in
      guard let pair = run.array, pair.count == 2, let units = pair[0].integer,
        let rows = pair[1].integer, units > 0, rows >= 0
      else { return nil }
      return UnitRun(units: units, rows: rows)
    }
    let places = json["places"]?.array.map { $0.compactMap(\.integer) }
    prompts = ListedPrompts(count: all, places: places, digest: digest)
    guard self.runs.count == runs.count, places?.allSatisfy((0..<all).contains) ?? true,
      places?.count == json["places"]?.array?.count
    else { return nil }
  }

  /// How many rows it speaks of; nil where that is beyond all bounds.
  var rowCount: Int? {
    runs.reduce(0 as Int?) { sum, run in
      let (rows, isMany) = run.units.multipliedReportingOverflow(by: run.rows)
      guard !isMany, let (sum, overflow) = sum?.addingReportingOverflow(rows), !overflow else {
        return nil
      }
      return sum
    }
  }
}

extension JSONValue {
  fileprivate var integer: Int? { if case .integer(let value) = self { value } else { nil } }
}

/// SHA-256 of a list of prompts as provenance has them.
func digest(ofPrompts prompts: [JSONValue]) throws -> String {
  var hash = SHA256()
  try prompts.forEachChecked { prompt in
    var text = prompt.text + "\n"
    text.withUTF8 { hash.update(UnsafeRawBufferPointer($0)) }
  }
  return hash.hexDigest()
}
