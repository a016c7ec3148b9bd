import Lang
import Model

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

// Values as the events and requests of `summand serve` have them.

extension ServeDesk {
  /// A value as an event: an array where a table is one, with its rows of `element`s.
  func emit(
    _ value: Value, line: String, rendering: ServeRendering, settings: RenderSettings
  ) throws {
    switch value {
    case .nothing: return
    case .stream(let stream):
      let table = Value.table(try stream.table())
      return try emit(table, line: line, rendering: rendering, settings: settings)
    case .table(let table):
      if let array = try table.array {
        return try emit(array, of: table.table, line, rendering, settings)
      }
      return try emit(table.table, line, rendering, settings)
    case .vector(let vector):
      return try emit(
        ArrayDocument(vector), of: vector.listing.table, line, rendering, settings)
    case .missing, .boolean, .integer, .number, .text, .selector, .list, .record, .prompts,
      .map, .circuit:
      break
    }
    if let json = value.served {
      return emit(
        .value,
        [
          .init("line", .string(line)), .init("kind", .string(value.kind)),
          .init("value", json),
          .init("text", .string(value.shortText ?? json.text)),
        ])
    }
    if let table = value.printedTable { try emit(table.table, line, rendering, settings) }
  }

  private func emit(
    _ table: Table, _ line: String, _ rendering: ServeRendering, _ settings: RenderSettings
  ) throws {
    try emit(.table, bytes: table.servedSize) { sink in
      sink.append(", \"line\": \(jsonString(line)), ")
      try sink.append(served: table)
      try sink.append(table, rendering, settings)
    }
  }

  private func emit(
    _ array: ArrayDocument, of table: Table, _ line: String, _ rendering: ServeRendering,
    _ settings: RenderSettings
  ) throws {
    let count = try array.byteCount()
    try emit(.array, bytes: 3 * count + array.index.servedSize) { sink in
      sink.append(", \"line\": \(jsonString(line)), \"dtype\": \(jsonString(array.numpyType)), ")
      sink.append("\"shape\": \(JSONValue.array(array.shape.map(JSONValue.integer)).text), ")
      sink.append("\"index\": {")
      try sink.append(served: array.index)
      var data = Data(capacity: count)
      try array.forEachPiece { data.append(contentsOf: $0) }
      sink.append("}, \"data\": \"\(data.base64EncodedString())\"")
      try sink.append(table, rendering, settings)
    }
  }

  func emit(
    _ plot: Plot, line: String, rendering: ServeRendering, settings: RenderSettings
  ) throws {
    let drawing = rendering.forms.contains(.svg) ? try plot.drawing() : nil
    let text = rendering.forms.contains(.text) ? try plot.text(settings) : nil
    try emit(.plot, bytes: plot.table.servedSize) { sink in
      sink.append(", \"line\": \(jsonString(line)), \"kind\": \"\(plot.kind.rawValue)\"")
      if let title = plot.title { sink.append(", \"title\": \(jsonString(title))") }
      if let drawing { sink.append(", \"svg\": \(jsonString(drawing.document))") }
      if let text { sink.append(", \"text\": \(jsonString(text))") }
      sink.append(", \"table\": {")
      try sink.append(served: plot.table)
      sink.append("}")
    }
  }
}

extension TableValue {
  /// The table as an array: its only floating-point column, the rows of `element`s side by side. Nil
  /// where it is not what `activations` or `gradient` gives.
  fileprivate var array: ArrayDocument? {
    get throws {
      guard table["element"] != nil, table.columns.count(where: { $0.kind.isFloating }) == 1,
        table.rowCount > 0
      else { return nil }
      let document = try ArrayDocument(table, prompts: IndexedPrompts(origins))
      return document.width == nil ? nil : document
    }
  }
}

extension Table {
  /// About how many bytes it takes as JSON.
  fileprivate var servedSize: Int { rowCount * columns.count * 12 + 1024 }
}

extension ByteSink {
  /// Columns, measure, count of rows, and the values column by column.
  fileprivate mutating func append(served table: Table) throws {
    let columns = table.columns.map { column in
      JSONValue.object([
        .init("name", .string(column.name)), .init("type", .string(column.kind.rawValue)),
      ])
    }
    append("\"columns\": \(JSONValue.array(columns).text), ")
    append("\"measure\": \(table.measure.map(jsonString) ?? "null"), ")
    append("\"rows\": \(table.rowCount), \"values\": [")
    for (index, column) in table.columns.enumerated() {
      append(index == 0 ? "[" : ", [")
      for row in 0..<column.count {
        if row > 0 { append(",") }
        append(column[row].json)
        if row.isMultiple(of: Interruption.stride) { try write([]) }
      }
      append("]")
    }
    append("]")
  }

  /// The table as the client wants to see it.
  fileprivate mutating func append(
    _ table: Table, _ rendering: ServeRendering, _ settings: RenderSettings
  ) throws {
    if rendering.forms.contains(.text) {
      append(", \"text\": \(jsonString(render(table, as: .table, settings: settings)))")
    }
    if rendering.forms.contains(.html) {
      append(", \"html\": \(jsonString(try notebookHTML(table, rowsShown: rendering.rows)))")
    }
  }
}

extension Value {
  /// As JSON; nil for what is shown as a table.
  fileprivate var served: JSONValue? {
    switch self {
    case .list(let values):
      let elements = values.compactMap(\.served)
      return elements.count == values.count ? .array(elements) : nil
    case .record(let members):
      let names = members.keys.sorted()
      let values = names.compactMap { members[$0]?.served }
      guard values.count == names.count else { return nil }
      return .object(zip(names, values).map { JSONValue.Member($0, $1) })
    case .nothing, .table, .stream, .prompts, .vector, .map, .circuit: return nil
    case .missing, .boolean, .integer, .number, .text, .selector: return cell.map { JSONValue($0) }
    }
  }

  /// What a client sends as a variable's value: a JSON value, a table, or an array.
  ///
  /// - Throws: `Failure` for what is none of them.
  init(served value: JSONValue) throws {
    switch value {
    case .null: self = .missing
    case .boolean(let value): self = .boolean(value)
    case .integer(let value): self = .integer(value)
    case .number(let value): self = .number(value)
    case .string(let text): self = .text(text)
    case .array(let elements): self = .list(try elements.mapChecked { try Value(served: $0) })
    case .object:
      switch value["type"]?.string {
      case "table": self = .table(TableValue(try Table(served: value)))
      case "array": self = .table(TableValue(try Table(servedArray: value)))
      default:
        throw Failure(
          "a value must be a number, a text, an array of such, a table or an array",
          help: "a table is {\"type\": \"table\", \"columns\": …, \"values\": …}")
      }
    }
  }
}

extension Table {
  fileprivate init(served value: JSONValue) throws {
    let fields = value["columns"]?.array ?? []
    let values = value["values"]?.array ?? []
    guard fields.count == values.count, !fields.isEmpty else {
      throw Failure("a table must have as many `values` as `columns`, and at least one")
    }
    var columns: [Column] = []
    for (field, cells) in zip(fields, values) {
      guard let name = field["name"]?.string, let cells = cells.array,
        let kind = field["type"]?.string.flatMap(Values.Kind.init)
      else {
        throw Failure(
          "a table's column must have a name, a type and an array of values",
          help: "types: \(Values.Kind.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      columns.append(Column(name, try Values(served: cells, kind, column: name)))
    }
    guard columns.allSatisfy({ $0.count == columns[0].count }) else {
      throw Failure("the columns of a table must have equally many values")
    }
    if let name = firstRepeated(columns.map(\.name)) {
      throw Failure("the table has two columns `\(excerpt(name))`")
    }
    let measure = value["measure"]?.string
    guard measure.map({ name in columns.contains { $0.name == name } }) ?? true else {
      throw Failure("the table has no column of its measure's name")
    }
    self.init(columns: columns, measure: measure)
  }

  /// The bytes of an NPY file, in base64: a row for each element, as `read` gives it.
  fileprivate init(servedArray value: JSONValue) throws {
    guard let text = value["npy"]?.string, let data = Data(base64Encoded: text) else {
      throw Failure("an array must have `npy`: the bytes of an NPY file in base64")
    }
    let array = try NumpyArray(Array(data)[...], name: "array")
    if let records = try array.records() {
      self = records
      return
    }
    self = try table(
      of: ArrayValues(values: try array.values(), shape: array.shape, name: "array"), index: nil,
      columns: [])
  }
}

extension Values {
  fileprivate init(served cells: [JSONValue], _ kind: Kind, column: String) throws {
    func wrong(_ value: JSONValue) -> Failure {
      Failure("the column `\(excerpt(column))` of \(kind.rawValue) has \(value.kindName)")
    }
    func number(_ value: JSONValue) throws -> Double {
      switch value {
      case .null: return .nan
      case .integer(let number): return Double(number)
      case .number(let number): return number
      case .string("Infinity"): return .infinity
      case .string("-Infinity"): return -.infinity
      case .string, .boolean, .array, .object: throw wrong(value)
      }
    }
    switch kind {
    case .integers:
      self = .integers(
        try cells.mapChecked { value in
          switch value {
          case .null: return nil
          case .integer(let number): return number
          default: throw wrong(value)
          }
        })
    case .singles: self = .singles(try cells.mapChecked { Float(try number($0)) })
    case .doubles: self = .doubles(try cells.mapChecked(number))
    case .texts:
      self = .texts(
        try cells.mapChecked { value in
          switch value {
          case .null: return nil
          case .string(let text): return text
          default: throw wrong(value)
          }
        })
    case .booleans:
      self = .booleans(
        try cells.mapChecked { value in
          switch value {
          case .null: return nil
          case .boolean(let isTrue): return isTrue
          default: throw wrong(value)
          }
        })
    }
  }
}
