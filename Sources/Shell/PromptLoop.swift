import Lang
import Runtime

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The prompt: reads an entry of one line or several, runs it, and goes on whatever came of it.
struct PromptLoop {
  var interpreter: any Interpreter
  var editor: LineEditor
  var history: History
  var console: Console

  /// - Returns: the status that the process ends with.
  func run() -> ExitStatus {
    for entry in history.entries { editor.remember(entry.text) }
    while true {
      switch readEntry() {
      case .interrupted: continue
      case .end: return .done
      case .line(let text):
        if text.allSatisfy(\.isWhitespace) { continue }
        keep(text)
        if ["exit", "quit"].contains(text.trimmed) { return .done }
        if runEntry(text) == .brokenPipe { return .brokenPipe }
      }
    }
  }

  /// Asks for lines until they are a whole. Ctrl-D on a continuation line says that there is no
  /// more to come, and lets the parser say what is missing.
  private func readEntry() -> LineEditor.Input {
    var text = ""
    while true {
      let earlier = text
      editor.complete = { line, cursor in complete(line, cursor, after: earlier) }
      switch editor.readLine(prompt: earlier.isEmpty ? prompt : continuation) {
      case .interrupted: return .interrupted
      case .end: return earlier.isEmpty ? .end : .line(String(earlier.dropLast()))
      case .line(let line):
        text += line
        if interpreter.completeness(of: text) != .incomplete { return .line(text) }
        text += "\n"
      }
    }
  }

  private func runEntry(_ text: String) -> ExitStatus {
    let status = Interrupts.during {
      interpreter.run(SourceText(name: "prompt", text: text), interactive: true)
    }
    console.finishProgress()
    console.flush()
    return status
  }

  private func keep(_ text: String) {
    editor.remember(text)
    if let problem = history.add(text) {
      console.report("summand: \(problem); this session's is not kept\n")
    }
  }

  /// The interpreter completes in the whole text, the editor in its last line.
  private func complete(_ line: String, _ cursor: Int, after earlier: String) -> Completion {
    let offset = earlier.utf8.count
    var completion = interpreter.complete(line: earlier + line, cursor: offset + cursor)
    let start = max(0, completion.replace.lowerBound - offset)
    completion.replace = start..<max(start, completion.replace.upperBound - offset)
    return completion
  }

  private var prompt: String { coloured(interpreter.promptName, "1;36") + "> " }

  /// As wide as the prompt, so that what is typed stands in one column.
  private var continuation: String {
    let width = displayWidth(interpreter.promptName)
    return coloured(String(repeating: " ", count: max(0, width - 3)) + "...", "2") + "> "
  }

  private func coloured(_ text: String, _ code: String) -> String {
    guard editor.usesColour else { return text }
    let mark = LineEditor.escapeMark
    return "\(mark)\u{1B}[\(code)m\(mark)\(text)\(mark)\u{1B}[0m\(mark)"
  }
}

extension String {
  fileprivate var trimmed: Substring {
    var text = self[...]
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return text
  }
}
