import Lang
import Model

/// `summand serve`: one session that answers requests, a line of JSON each, with events, a line of
/// JSON each. The last event of a request is `done`.
public final class Server {
  /// Raised with every change that a client could stumble over.
  public static let protocolVersion = 1

  private let session: Session
  private let host: ServingHost
  private let desk: ServeDesk
  private let settle: () -> Void

  /// - Parameters:
  ///   - host: the process.
  ///   - settle: called before an event, so that what a command after `!` has printed comes first.
  public init(host: any Host, desk: ServeDesk, settle: @escaping () -> Void = {}) {
    self.desk = desk
    self.settle = settle
    self.host = ServingHost(host, desk: desk, settle: settle)
    session = Session(host: self.host)
    session.audience = self
  }

  /// Keeps the results of runs in a folder: `--store`.
  public func keepRuns(in folder: String) throws { try session.keepRuns(in: folder) }

  /// Runs a text before the first request: `load` of `--model`.
  public func prepare(_ source: SourceText) -> ExitStatus {
    session.run(source, interactive: false)
  }

  /// The first event that is not a message or progress of what came before.
  public func greet() {
    desk.emit(
      .hello,
      [
        .init("protocol", .integer(Self.protocolVersion)), .init("version", .string(host.version)),
        .init("model", session.models.inUse.map(JSONValue.string) ?? .null),
      ])
  }

  /// Answers a request that was too long to be read.
  public func refuse(_ message: String) {
    finish(nil, nil, .usage) { tell(Diagnostic(message), in: nil) }
  }

  /// Answers a line.
  public func answer(_ line: [UInt8]) {
    let request: ServeRequest
    do {
      request = try ServeRequest(line)
    } catch {
      _ = desk.begin(error.id)
      return finish(error.id, nil, .usage) {
        tell(Diagnostic(error.message, help: error.help), in: nil)
      }
    }
    guard desk.begin(request.id) else {
      return finish(request.id, request.operation, .interrupted) {}
    }
    let start = ContinuousClock.now
    let status = perform(request.operation)
    host.finishProgress()
    finish(request.id, request.operation, status, took: ContinuousClock.now - start) {}
  }

  private func finish(
    _ id: ServeID?, _ operation: ServeRequest.Operation?, _ status: ExitStatus,
    took: Duration? = nil, _ before: () -> Void
  ) {
    before()
    settle()
    desk.end()
    var members: [JSONValue.Member] = []
    if let operation { members.append(.init("op", .string(operation.name))) }
    members.append(.init("status", .integer(Int(status.rawValue))))
    if let took {
      members.append(.init("seconds", .number((took / .microseconds(1)).rounded() / 1e6)))
      members.append(
        .init("model", session.models.inUse.map(JSONValue.string) ?? .null))
    }
    desk.emit(.done, of: id, members)
  }

  private func perform(_ operation: ServeRequest.Operation) -> ExitStatus {
    switch operation {
    case .run(let source, let rendering):
      host.rendering = rendering
      return session.run(source, interactive: false)
    case .complete(let code, let cursor): complete(code, cursor)
    case .inspect(let code, let cursor): inspect(code, cursor)
    case .isComplete(let code): describe(session.completeness(of: code))
    case .get(let name):
      return attempt { try show(try session.requireVariable(name), line: name) }
    case .set(let name, let value): return attempt { try set(name, value) }
    // Only one that is longer than any needs to be comes here.
    case .interrupt: break
    }
    return .done
  }

  private func attempt(_ body: () throws -> Void) -> ExitStatus {
    do {
      try placing(at: SourceSpan(0, 0), body)
      return .done
    } catch var failure as Failure {
      failure.span = nil
      tell(failure.diagnostic, in: nil)
      return failure.status
    } catch is Interruption.Stopped {
      return .stopped
    } catch {
      tell(Diagnostic("\(error)"), in: nil)
      return .failed
    }
  }

  private func set(_ name: String, _ value: JSONValue) throws {
    let source = SourceText(name: "name", text: name)
    let parts = tokens(of: source)
    guard parts.count == 1, parts[0].kind == .identifier else {
      throw Failure(
        "'\(excerpt(name))' cannot be a variable's name",
        help: "letters, digits and `_`, not beginning with a digit")
    }
    try session.checkIsFree(Name(text: name, span: parts[0].span))
    session.set(name, to: try Value(served: value))
  }

  // MARK: Help with writing

  private func complete(_ code: String, _ cursor: Int) {
    let completion = session.complete(line: code, cursor: utf8Offset(of: cursor, in: code))
    let bytes = Array(code.utf8)
    desk.emit(
      .completions,
      [
        .init("start", .integer(scalarCount(bytes[..<completion.replace.lowerBound]))),
        .init("end", .integer(scalarCount(bytes[..<completion.replace.upperBound]))),
        .init(
          "candidates",
          .array(
            completion.candidates.map {
              .object([.init("text", .string($0.text)), .init("summary", .string($0.summary))])
            })),
      ])
  }

  /// The help of the command at the cursor, else of the one whose arguments it stands among.
  private func inspect(_ code: String, _ cursor: Int) {
    let offset = utf8Offset(of: cursor, in: code)
    let words = tokens(of: SourceText(name: "", text: code)).filter { $0.kind == .identifier }
    let source = SourceText(name: "", text: code)
    func command(_ token: Token) -> Command? {
      Catalogue.command(named: source.text(in: token.span))
    }
    let here = words.first { $0.span.start <= offset && offset <= $0.span.end }.flatMap(command)
    let before = words.last { $0.span.end <= offset && command($0) != nil }.flatMap(command)
    if let found = here ?? before { desk.sendText(HelpText.page(of: found)) }
  }

  private func describe(_ completeness: Completeness) {
    switch completeness {
    case .complete: desk.emit(.completeness, [.init("state", .string("complete"))])
    case .invalid: desk.emit(.completeness, [.init("state", .string("invalid"))])
    case .incomplete(let why, let indentation):
      desk.emit(
        .completeness,
        [
          .init("state", .string("incomplete")), .init("why", .string(why)),
          .init("indentation", .integer(indentation)),
        ])
    }
  }
}

extension ServeRequest.Operation {
  fileprivate var name: String {
    switch self {
    case .run: "run"
    case .complete: "complete"
    case .inspect: "inspect"
    case .isComplete: "is_complete"
    case .get: "get"
    case .set: "set"
    case .interrupt: "interrupt"
    }
  }
}

// MARK: What a session prints

extension Server: Audience {
  func show(_ value: Value, line: String) throws {
    settle()
    try desk.emit(value, line: line, rendering: host.rendering, settings: session.renderSettings)
  }

  func show(_ plot: Plot, line: String) throws {
    settle()
    try desk.emit(plot, line: line, rendering: host.rendering, settings: session.renderSettings)
  }

  func tell(_ diagnostic: Diagnostic, in source: SourceText?) {
    settle()
    desk.emit(.message, diagnostic.served(in: source))
  }

  func tell(note: String) { host.report(note) }
}

extension Diagnostic {
  fileprivate func served(in source: SourceText?) -> [JSONValue.Member] {
    var members: [JSONValue.Member] = [
      .init("severity", .string(severity.rawValue)), .init("message", .string(message)),
    ]
    if let help { members.append(.init("help", .string(help))) }
    if !notes.isEmpty { members.append(.init("notes", .array(notes.map { .string($0.message) }))) }
    if let source, let span {
      let (start, end) = (source.position(of: span.start), source.position(of: span.end))
      members += [
        .init("source", .string(source.name)),
        .init("start", .integer(scalarCount(source.bytes.prefix(max(0, span.start))))),
        .init("end", .integer(scalarCount(source.bytes.prefix(max(0, span.end))))),
        .init("line", .integer(start.line)), .init("column", .integer(start.column)),
        .init("end_line", .integer(end.line)), .init("end_column", .integer(end.column)),
      ]
    }
    return members + [.init("text", .string(rendered(in: source)))]
  }
}

/// Characters as Python's `str` counts them: Unicode scalars.
private func scalarCount(_ bytes: some Collection<UInt8>) -> Int {
  bytes.count { $0 & 0xC0 != 0x80 }
}

/// Where the scalar of that number begins.
private func utf8Offset(of scalar: Int, in text: String) -> Int {
  text.unicodeScalars.prefix(scalar).reduce(0) { $0 + UTF8.width($1) }
}
