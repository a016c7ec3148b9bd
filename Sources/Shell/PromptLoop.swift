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
  var environment: Environment

  /// - Returns: the status that the process ends with.
  func run() -> ExitStatus {
    for entry in history.entries { editor.remember(entry.text) }
    editor.hint = { line in interpreter.settings.hints ? hint(line) : "" }
    editor.entries = { [history] in history.entries.map(\.text) }
    while true {
      // A signal has come, before the line or while it was typed.
      if let status = Interrupts.endStatus { return status }
      let input = readEntry()
      if let status = Interrupts.endStatus { return status }
      switch input {
      case .interrupted, .back: continue
      case .end: return .done
      case .edit(let text): if runEdited(text) == .brokenPipe { return .brokenPipe }
      case .line(let text):
        if text.allSatisfy(\.isWhitespace) { continue }
        if text.trimmed == Self.editWord {
          if runEdited(history.entries.last?.text ?? "") == .brokenPipe { return .brokenPipe }
          continue
        }
        keep(text)
        if Session.promptEndings.contains(String(text.trimmed)) { return .done }
        if runEntry(text) == .brokenPipe { return .brokenPipe }
      }
    }
  }

  /// Asks for lines until they are a whole. Ctrl-D on a continuation line says that there is no
  /// more to come, and lets the parser say what is missing.
  private func readEntry() -> LineEditor.Input {
    var text = ""
    var indentation = 0
    var preset: (text: String, back: Int)?
    while true {
      let earlier = text
      editor.isContinuation = !earlier.isEmpty
      editor.complete = { line, cursor in complete(line, cursor, after: earlier) }
      editor.stretches = { line in stretches(of: line, after: earlier) }
      editor.isPainting = editor.canPaint && interpreter.settings.colour != false
      switch editor.readLine(
        prompt: earlier.isEmpty ? prompt : continuation, indentation: indentation,
        preset: preset)
      {
      case .interrupted: return .interrupted
      case .back(let line):
        // The cursor goes to the end of the line above.
        preset = (earlier + line, line.unicodeScalars.count + 1)
        (text, indentation) = ("", 0)
        continue
      case .edit(let line): return .edit(earlier + line)
      case .end: return earlier.isEmpty ? .end : .line(String(earlier.dropLast()))
      case .line(let line):
        text += line
        guard case .incomplete(_, let next) = interpreter.completeness(of: text) else {
          return .line(text)
        }
        (indentation, preset) = (next, nil)
        text += "\n"
      }
    }
  }

  /// The interpreter reads the whole text, the editor draws its last line.
  private func stretches(of line: String, after earlier: String) -> [LineStretch] {
    let offset = earlier.utf8.count
    return interpreter.stretches(of: earlier + line).compactMap { stretch in
      guard stretch.range.upperBound > offset else { return nil }
      let start = max(0, stretch.range.lowerBound - offset)
      return LineStretch(
        range: start..<stretch.range.upperBound - offset, role: stretch.role)
    }
  }

  /// The rest of the latest entry that begins so; else of the only word that Tab would take.
  private func hint(_ line: String) -> String {
    if let expected = interpreter.expectedLine, !line.isEmpty, expected.hasPrefix(line) {
      return String(expected.dropFirst(line.count))
    }
    guard line.utf8.count > 1 else { return "" }
    if let entry = history.latest(beginning: line) { return String(entry.dropFirst(line.count)) }
    guard let last = line.last, last.isLetter || last == "_" else { return "" }
    let completion = editor.complete(line, line.utf8.count)
    guard completion.candidates.count == 1, let only = completion.candidates.first?.text else {
      return ""
    }
    let typed = String(decoding: Array(line.utf8)[completion.replace], as: UTF8.self)
    return only.hasPrefix(typed) ? String(only.dropFirst(typed.count)) : ""
  }

  /// The word that opens the last entry in an editor.
  static let editWord = "edit"

  /// Runs what comes out of the editor; nothing where that is empty.
  private func runEdited(_ text: String) -> ExitStatus {
    let edited: String
    do {
      edited = try Interrupts.during { try ExternalEditor(environment: environment).edit(text) }
    } catch let failure as Failure {
      Main.report(failure, as: .text)
      return failure.status
    } catch {
      Main.report(Failure("\(error)"), as: .text)
      return .failed
    }
    if edited.allSatisfy(\.isWhitespace) { return .done }
    // So that it is seen what runs.
    editor.send(withPictures(edited).replacing("\n", with: "\r\n") + "\r\n")
    keep(edited)
    return runEntry(edited)
  }

  private func runEntry(_ text: String) -> ExitStatus {
    console.transcribe("\(name)> \(text)\n")
    let status = TypedKeys.hidden(on: editor.input) {
      let status = Interrupts.during {
        interpreter.run(SourceText(name: "prompt", text: text), interactive: true)
      }
      console.finishProgress()
      console.flush()
      return status
    }
    return status
  }

  private func keep(_ text: String) {
    editor.remember(text)
    if let problem = history.add(text) {
      console.report(withPictures("summand: \(problem); this session's is not kept\n"))
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

  private var prompt: String { styled(name, .name) + "> " }

  /// A model may be called whatever its file is.
  private var name: String { withPictures(interpreter.promptName, keepsLines: false) }

  /// As wide as the prompt, so that what is typed stands in one column.
  private var continuation: String {
    let width = displayWidth(of: name)
    return styled(String(repeating: " ", count: max(0, width - 3)) + "...", .faint) + "> "
  }

  /// Escape sequences take no room: libedit has to be told which they are.
  private func styled(_ text: String, _ style: Style) -> String {
    let mark = LineEditor.escapeMark
    return style.paint(text, colour: editor.usesColour)
      .replacing(/\u{1B}\[[0-9;]*m/) { "\(mark)\($0.output)\(mark)" }
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
