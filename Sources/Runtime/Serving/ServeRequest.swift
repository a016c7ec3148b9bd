import Lang

/// The number or the text by which a client tells its requests apart.
public struct ServeID: Sendable, Hashable {
  let value: JSONValue

  init?(_ value: JSONValue?) {
    switch value {
    case .integer?, .string?: self.value = value ?? .null
    default: return nil
    }
  }
}

/// A request of `summand serve`, a line of JSON. `docs/serve.md` describes them.
struct ServeRequest: Sendable {
  var id: ServeID?
  var operation: Operation

  enum Operation: Sendable {
    case run(SourceText, ServeRendering)
    case complete(code: String, cursor: Int)
    case inspect(code: String, cursor: Int)
    case isComplete(code: String)
    case get(name: String)
    case set(name: String, value: JSONValue)
    case interrupt(target: ServeID?)
  }

  private enum Name: String, CaseIterable {
    case run, complete, inspect
    case isComplete = "is_complete"
    case get, set, interrupt
  }

  /// A line that is not a request.
  struct Problem: Error {
    var id: ServeID?
    var message: String
    var help: String?
  }

  /// - Parameter line: without its end.
  init(_ line: [UInt8]) throws(Problem) {
    guard String(validating: line, as: UTF8.self) != nil else {
      throw Problem(message: "a request must be UTF-8")
    }
    let value: JSONValue
    do {
      value = try JSONParser.parse(line[...])
    } catch {
      throw Problem(
        message: "a request must be a JSON object on one line: \(error.message)", help: error.help)
    }
    guard let members = value.members else {
      throw Problem(message: "a request must be a JSON object, got \(value.kindName)")
    }
    var fields = Fields(members: members)
    id = try fields.id("id")
    fields.request = id
    let word = try fields.required("op", fields.text("op"))
    guard let name = Name(rawValue: word) else {
      throw Problem(
        id: id, message: "there is no operation '\(excerpt(word))'",
        help: "`op` is one of \(Name.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    operation = try Self.operation(name, &fields)
    try fields.checkThatAllAreUsed()
  }

  private static func operation(_ name: Name, _ fields: inout Fields) throws(Problem) -> Operation {
    switch name {
    case .run:
      let code = try fields.required("code", fields.text("code"))
      let source = SourceText(name: try fields.text("name") ?? "run", text: code)
      return .run(source, try ServeRendering(&fields))
    case .complete, .inspect:
      let code = try fields.required("code", fields.text("code"))
      let count = code.unicodeScalars.count
      let cursor = try fields.integer("cursor", 0...count) ?? count
      return name == .complete
        ? .complete(code: code, cursor: cursor) : .inspect(code: code, cursor: cursor)
    case .isComplete: return .isComplete(code: try fields.required("code", fields.text("code")))
    case .get: return .get(name: try fields.required("name", fields.text("name")))
    case .set:
      return .set(
        name: try fields.required("name", fields.text("name")),
        value: try fields.required("value", fields.take("value")))
    case .interrupt: return .interrupt(target: try fields.id("target"))
    }
  }

  /// The members of a request, each read once.
  struct Fields {
    var members: [JSONValue.Member]
    var request: ServeID?

    mutating func take(_ key: String) -> JSONValue? {
      members.firstIndex { $0.key == key }.map { members.remove(at: $0).value }
    }

    func required<T>(_ key: String, _ value: T?) throws(Problem) -> T {
      if let value { return value }
      throw Problem(id: request, message: "the request has no `\(key)`")
    }

    mutating func text(_ key: String) throws(Problem) -> String? {
      switch take(key) {
      case nil: return nil
      case .string(let text)?: return text
      case let other?: throw wrong(key, "a string", other)
      }
    }

    mutating func integer(_ key: String, _ range: ClosedRange<Int>) throws(Problem) -> Int? {
      switch take(key) {
      case nil: return nil
      case .integer(let number)?:
        if range.contains(number) { return number }
        throw Problem(
          id: request,
          message: "`\(key)` must be from \(range.lowerBound) to \(range.upperBound), got \(number)"
        )
      case let other?: throw wrong(key, "an integer", other)
      }
    }

    mutating func id(_ key: String) throws(Problem) -> ServeID? {
      switch take(key) {
      case nil, .null?: return nil
      case let value?:
        if let id = ServeID(value) { return id }
        throw wrong(key, "an integer or a string", value)
      }
    }

    func wrong(_ key: String, _ expected: String, _ value: JSONValue) -> Problem {
      Problem(id: request, message: "`\(key)` must be \(expected), got \(value.kindName)")
    }

    func checkThatAllAreUsed() throws(Problem) {
      guard let first = members.first else { return }
      throw Problem(
        id: request, message: "this operation takes no `\(excerpt(first.key))`",
        help: "docs/serve.md lists what each takes")
    }
  }
}

/// What comes with a table or a plot besides its numbers.
struct ServeRendering: Sendable {
  enum Form: String, CaseIterable, Sendable { case text, html, svg }

  var forms: Set<Form> = [.svg]
  /// Columns of a text; nil: no limit.
  var width: Int?
  /// Rows of a text or a page.
  var rows = 60

  init() {}

  init(_ fields: inout ServeRequest.Fields) throws(ServeRequest.Problem) {
    width = try fields.integer("width", 20...10_000)
    rows = try fields.integer("rows", 1...1_000_000) ?? rows
    guard let value = fields.take("render") else { return }
    guard let words = value.array else { throw fields.wrong("render", "an array", value) }
    forms = []
    for word in words {
      guard let form = word.string.flatMap(Form.init) else {
        throw ServeRequest.Problem(
          id: fields.request, message: "`render` takes \(Form.allCases.map(\.rawValue))",
          help: "as in [\"html\", \"svg\"]")
      }
      forms.insert(form)
    }
  }
}
