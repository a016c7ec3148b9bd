import Lang
import Synchronization

@testable import Model
@testable import Runtime

extension FuzzTarget {
  /// Requests to a server, a line each. Whatever a line is, it is answered with events that are JSON,
  /// of which the last is `done`. What runs is as harmless as a script of `script`.
  static func serve(_ bytes: [UInt8]) throws {
    let sent = Lines()
    let desk = ServeDesk { sent.add($0) }
    let server = Server(host: ScriptHost(), desk: desk)
    for line in bytes.split(separator: UInt8(ascii: "\n")).prefix(8).map(Array.init) {
      if case .run(let source, _)? = (try? ServeRequest(line))?.operation, !isHarmless(source) {
        continue
      }
      if !desk.interrupts(line) { server.answer(line) }
      let events = sent.take()
      try promise(!events.isEmpty, "a request without an answer")
      for (index, event) in events.enumerated() {
        try promise(event.last == UInt8(ascii: "\n"), "an event that is not a line")
        let value: JSONValue
        do {
          value = try JSONParser.parse(event.dropLast())
        } catch {
          throw BrokenPromise(message: "an event that is not JSON: \(error.message)")
        }
        let isDone = value["type"] == .string("done")
        try promise(isDone == (index == events.count - 1), "`done` is the last event, and the only")
        let isError = value["severity"] == .string("error")
        try promise(
          !isError || value["message"]?.string?.isEmpty == false, "an error without words")
      }
    }
  }

  private final class Lines: Sendable {
    private let lines = Mutex<[[UInt8]]>([])
    func add(_ line: [UInt8]) { lines.withLock { $0.append(line) } }

    func take() -> [[UInt8]] {
      lines.withLock { lines in
        defer { lines = [] }
        return lines
      }
    }
  }
}
