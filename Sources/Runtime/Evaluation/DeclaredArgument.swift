import Lang

/// What an argument of a script must look like on the command line.
enum ArgumentType: String, Choice {
  case text, number, integer, boolean

  var summary: String {
    switch self {
    case .text: "as it is given"
    case .number: "a number"
    case .integer: "a whole number"
    case .boolean: "true or false"
    }
  }

  /// With its article, for messages.
  var noun: String { self == .text ? "text" : summary }

  /// The value of a text from the command line; nil if it is none of the type.
  func value(of text: String) -> Value? {
    switch self {
    case .text: .text(text)
    case .integer: Int(text).map(Value.integer)
    case .number:
      Int(text).map(Value.integer)
        ?? Double(text).flatMap { $0.isFinite ? Value.number($0) : nil }
    case .boolean: Bool(text).map(Value.boolean)
    }
  }

  /// Whether a default is of the type.
  func accepts(_ value: Value) -> Bool {
    switch (self, value) {
    case (.text, .text), (.number, .integer), (.number, .number), (.integer, .integer),
      (.boolean, .boolean), (_, .missing):
      true
    default: false
    }
  }
}

/// One argument that a script declares, as written.
struct DeclaredArgument {
  var name: Name
  /// Nil where it must be given.
  var fallback: Lang.Expression?
  var type: Lang.Expression?
  var about: Lang.Expression?
  /// The text that it stands in.
  var source = SourceText(name: "", text: "")

  /// Those of one `arguments`, in order. What stands after `as` and `about` belongs to the name
  /// before it.
  ///
  /// - Throws: `Failure` where there is none, or it has one already.
  static func all(
    names: [Lang.Expression], defaults: [(name: Name, value: Lang.Expression)],
    types: [Lang.Expression], abouts: [Lang.Expression]
  ) throws -> [DeclaredArgument] {
    var all = try names.map { expression in
      guard case .name(let name) = expression.kind else {
        throw Failure("expected an argument's name", span: expression.span)
      }
      return DeclaredArgument(name: Name(text: name, span: expression.span))
    }
    all += defaults.map { DeclaredArgument(name: $0.name, fallback: $0.value) }
    all.sort { $0.name.span.start < $1.name.span.start }
    func add(_ expression: Lang.Expression, to part: WritableKeyPath<Self, Lang.Expression?>) throws
    {
      guard let owner = all.lastIndex(where: { $0.name.span.start < expression.span.start }) else {
        throw Failure(
          "no argument stands before this", help: "write arguments NAME as TYPE about \"TEXT\"",
          span: expression.span)
      }
      guard all[owner][keyPath: part] == nil else {
        throw Failure("'\(all[owner].name.text)' has this already", span: expression.span)
      }
      all[owner][keyPath: part] = expression
    }
    for type in types { try add(type, to: \.type) }
    for about in abouts { try add(about, to: \.about) }
    return all
  }

  /// Those of the words after `arguments`; nil where they do not fit its declaration.
  static func all(of arguments: [Argument], _ name: Name, in source: SourceText)
    -> [DeclaredArgument]?
  {
    var binder = Binder(.arguments, named: name, in: source)
    guard let bound = try? binder.bind(arguments) else { return nil }
    var found = try? all(
      names: bound.values["name"] ?? [], defaults: bound.assignments,
      types: bound.values["as"] ?? [], abouts: bound.values["about"] ?? [])
    for index in found?.indices ?? 0..<0 { found?[index].source = source }
    return found
  }

  /// Those of a whole script and of the scripts that it reads by `source`, whose names it has not
  /// itself; nil where one `arguments` does not fit the declaration.
  ///
  /// - Parameter files: the scripts that lead to this one.
  static func all(in script: Script, of source: SourceText, from files: [String] = [])
    -> [DeclaredArgument]?
  {
    all(in: script.statements, of: source, from: files)
  }

  private static func all(in statements: [Statement], of source: SourceText, from files: [String])
    -> [DeclaredArgument]?
  {
    var all: [DeclaredArgument] = []
    for statement in statements {
      switch statement.kind {
      case .pipeline(let pipeline):
        guard case .command(let name, let arguments)? = pipeline.stages.first?.kind,
          name.text == Command.arguments.name
        else { continue }
        guard let some = Self.all(of: arguments, name, in: source) else { return nil }
        all += some
      case .source(let file, _): all += inherited(from: file, of: source, files)
      case .report(_, let block):
        guard let some = Self.all(in: block.statements, of: source, from: files) else { return nil }
        all += some
      case .let, .def, .for, .if, .assert, .time, .plan: break
      }
    }
    var seen: Set<String> = []
    // The outer script's own come first, wherever it has them.
    let own = all.filter { $0.source.name == source.name }
    return (own + all.filter { $0.source.name != source.name }).filter {
      seen.insert($0.name.text).inserted || $0.source.name == source.name
    }
  }

  /// Those of a script that is read by `source`. What is wrong with it is reported when it is read.
  private static func inherited(
    from file: Lang.Expression, of source: SourceText, _ files: [String]
  ) -> [DeclaredArgument] {
    guard case .string(let literal) = file.kind, let name = literal.plainText else { return [] }
    let path = pathBesideScript(name, in: source)
    let place = standardized(path)
    guard !files.contains(place),
      let bytes = try? readBytes(path: path, limit: Session.largestScript)
    else { return [] }
    let text = SourceText(name: path, bytes: bytes)
    let parsed = parse(text)
    if parsed.hasErrors { return [] }
    return all(in: parsed.script, of: text, from: files + [place]) ?? []
  }
}
