import Lang

/// What the names in an expression over rows mean, settled before any row is looked at: a mistake is
/// one whatever the rows hold, and where there are none.
struct RowNames {
  private let session: Session
  private let columns: [String]
  private let isColumn: Set<String>
  /// Which columns there are, for messages.
  private let columnsHelp: String?
  /// Whether a column is named at all.
  private(set) var namesColumn = false
  /// Names that a `for` in the expression gives to elements.
  private var elements: Set<String> = []
  /// Variables named by `$` that have a column's name.
  private var variables: [String] = []
  /// Texts in quotes that spell a column's name.
  private(set) var quoted: [String] = []

  /// - Throws: `Failure` for a name that means nothing, or more than one thing.
  init(
    _ expression: Lang.Expression, over columns: [String], in session: Session,
    columnsHelp: String? = nil
  ) throws {
    self.session = session
    self.columns = columns
    self.columnsHelp =
      columnsHelp ?? (columns.isEmpty ? nil : "the columns are \(enumeration(columns))")
    isColumn = Set(columns)
    try visit(expression)
  }

  private mutating func visit(_ expression: Lang.Expression) throws {
    try placing(at: expression.span) { try visitKind(of: expression) }
  }

  private mutating func visitKind(of expression: Lang.Expression) throws {
    switch expression.kind {
    case .integer, .number, .boolean: return
    case .string(let literal): try visit(literal)
    case .name(let name): try settle(name)
    case .column(let name):
      guard isColumn.contains(name) else { throw unknownColumn(name) }
      namesColumn = true
    case .variable(let name):
      if elements.contains(name) { return }
      _ = try session.requireVariable(name)
      if isColumn.contains(name) { variables.append(name) }
    case .component(let literal): try refuseColumn(namedAsSelector: literal.text)
    // Places and selectors are the session's, and see no columns.
    case .at, .path: return
    case .list(let items, _): for item in items { try visit(item) }
    case .pipeline(let pipeline): try visit(pipeline)
    case .member(let base, _):
      let isEnvironment =
        base.isEnvironment && session.lookUp("env") == nil && !isColumn.contains("env")
      if Selector(expression) == nil, !isEnvironment { try visit(base) }
    case .unary(_, let operand): try visit(operand)
    case .element(let left, let right), .binary(_, let left, let right),
      .range(let left, let right):
      try visit(left)
      try visit(right)
    case .call(let name, let arguments):
      // A command's words are its own.
      guard Function(rawValue: name.text) != nil || session.functions[name.text] != nil else {
        return
      }
      for argument in arguments { try visit(argument) }
    case .conditional(let condition, let then, let otherwise):
      try visit(condition)
      try visit(then)
      try visit(otherwise)
    case .each(let name, let list, let body):
      try visit(list)
      try visit(body, of: name)
    }
  }

  /// A block whose value is a row's: that of one expression.
  private mutating func visit(_ block: Block) throws {
    guard block.statements.count == 1, let statement = block.statements.first else {
      throw Failure(
        "in a column, a block is one expression", help: "put the steps into a `def`",
        span: block.span)
    }
    switch statement.kind {
    case .pipeline(let pipeline): try visit(pipeline)
    case .if(let condition, let then, let otherwise):
      try visit(condition)
      try visit(then)
      if let otherwise { try visit(otherwise) }
    case .for(let name, let list, let body):
      try visit(list)
      try visit(body, of: name)
    case .let, .def, .assert, .source, .time, .plan, .report:
      throw Failure("in a column, a block is one expression", span: statement.span)
    }
  }

  private mutating func visit(_ body: Block, of name: Name) throws {
    if isColumn.contains(name.text) {
      throw Failure(
        "`\(name.text)` is a column, and cannot be the name of an element too",
        help: "choose another name", span: name.span)
    }
    let isNew = elements.insert(name.text).inserted
    try visit(body)
    if isNew { elements.remove(name.text) }
  }

  private mutating func visit(_ literal: StringLiteral) throws {
    for case .interpolation(let pipeline) in literal.pieces { try visit(pipeline) }
    if literal.pieces.count == 1, case .text(let text, _) = literal.pieces[0],
      isColumn.contains(text)
    {
      quoted.append(text)
    }
  }

  private mutating func visit(_ argument: Argument) throws {
    switch argument.kind {
    case .value(let value), .named(_, let value), .option(_, let value?): try visit(value)
    case .option(_, nil), .arrow: return
    }
  }

  /// An expression in parentheses sees the columns. A pipeline does not: where it begins with a name
  /// that could be either, it must say which.
  private mutating func visit(_ pipeline: Pipeline) throws {
    guard case .expression(let first)? = pipeline.stages.first?.kind else { return }
    if pipeline.stages.count == 1 { return try visit(first) }
    if case .name(let name) = first.kind, isColumn.contains(name), session.lookUp(name) != nil {
      throw ambiguous(name).placed(at: first.span)
    }
  }

  private mutating func settle(_ name: String) throws {
    if elements.contains(name) { return }
    let isVariable = session.lookUp(name) != nil
    if isColumn.contains(name) {
      if isVariable { throw ambiguous(name) }
      if Selector.Word(rawValue: name) != nil { try refuseColumn(namedAsSelector: name) }
      namesColumn = true
      return
    }
    if isVariable || Selector.Word(rawValue: name) != nil || name == "missing" { return }
    // Of commands, only those that need no input can stand here.
    guard let command = Catalogue.command(named: name) else { throw unknown(name) }
    guard case .none = command.input else { throw unknownColumn(name) }
  }

  // MARK: Complaints

  private func refuseColumn(namedAsSelector name: String) throws {
    guard isColumn.contains(name) else { return }
    throw Failure(
      "`\(name)` is both a column and a component",
      help:
        "\(Lang.Printer.quoteColumn(name)) in backticks is the column, \"\(name)\" in quotes the "
        + "component")
  }

  private func ambiguous(_ name: String) -> Failure {
    Failure(
      "`\(name)` is both a column and a variable",
      help: "\(Lang.Printer.quoteColumn(name)) in backticks is the column, $\(name) the variable")
  }

  private func unknown(_ name: String) -> Failure {
    Failure(
      "there is no column or variable '\(name)'",
      help: suggestion(for: name, among: columns + session.names).map { "did you mean `\($0)`?" }
        ?? columnsHelp)
  }

  private func unknownColumn(_ name: String) -> Failure {
    Failure(
      "there is no column `\(name)`",
      help: suggestion(for: name, among: columns).map { "did you mean `\($0)`?" } ?? columnsHelp)
  }

  /// - Throws: `Failure` where no column is named: the expression is the same for every row.
  func requireColumn(for what: String) throws {
    guard !namesColumn else { return }
    throw Failure("\(what) names no column", help: quotedHelp ?? variableHelp ?? columnsHelp)
  }

  private var variableHelp: String? {
    variables.first.map {
      "$\($0) is the variable; \(Lang.Printer.quoteColumn($0)) in backticks is the column"
    }
  }

  /// For an expression that went wrong, perhaps because a column stands in quotes.
  var quotedHelp: String? {
    quoted.first.map {
      "\(Lang.Printer.quoteColumn($0)) in backticks is the column; quotes are text"
    }
  }
}
