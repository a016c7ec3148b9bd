import CLibedit
import Lang
import Runtime

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The keys that are ours. A command that prints below the line works in two steps: it sends the
/// cursor to the line's end and pushes the (otherwise unused) key of the command that prints, for
/// only in between does libedit move the terminal's cursor.
extension LineEditor {
  static func bindCommands(_ editor: OpaquePointer, isEmacs: Bool) {
    add(editor, "summand-complete", "complete the word", key: "^I") { pointer, _ in
      LineEditor.command(pointer) { $0.completeWord() }
    }
    add(editor, "summand-list", "list the completions", key: Key.list) { pointer, _ in
      LineEditor.command(pointer) { $0.showListing() }
    }
    add(editor, "summand-interrupt", "drop the line", key: "^C") { pointer, _ in
      LineEditor.command(pointer) { $0.moveBelow(then: Key.drop) }
    }
    add(editor, "summand-drop", "drop the line, at its end", key: Key.drop) { pointer, _ in
      LineEditor.command(pointer) { $0.dropLine() }
    }
    add(editor, "summand-stop", "stop the process", key: "^Z") { pointer, _ in
      LineEditor.command(pointer) { $0.stop() }
    }
    // The terminal's own Ctrl-C would not come through as a key.
    libedit_set_editing_mode(editor, "-isig")
    guard isEmacs else { return }
    add(editor, "summand-paste", "insert pasted text", key: "\\e[200~") { pointer, _ in
      LineEditor.command(pointer) { $0.paste() }
    }
    add(editor, "summand-newline", "insert a newline", key: "\\e^M") { pointer, _ in
      LineEditor.command(pointer) { $0.insert("\n") }
    }
    add(editor, "summand-edit", "edit the line in $EDITOR", key: "^X^E") { pointer, _ in
      LineEditor.command(pointer) { $0.moveBelow(then: Key.edit) }
    }
    add(editor, "summand-leave", "the same, at its end", key: Key.edit) { pointer, _ in
      LineEditor.command(pointer) { $0.leaveForEditor() }
    }
    add(editor, "summand-back", "edit the whole entry", key: Key.back) { pointer, _ in
      LineEditor.command(pointer) { $0.leaveForEarlierLines() }
    }
    add(editor, "summand-preset", "put in the entry so far", key: Key.preset) { pointer, _ in
      LineEditor.command(pointer) { $0.putInPreset() }
    }
    for prefix in ["\\e[", "\\eO"] {
      add(editor, "summand-right", "a character on, or take the hint", key: prefix + "C") {
        pointer, _ in LineEditor.command(pointer) { $0.moveRight() }
      }
      add(editor, "summand-up", "a line up, or to the earlier entry", key: prefix + "A") {
        pointer, _ in LineEditor.command(pointer) { $0.moveUp() }
      }
      add(editor, "summand-down", "a line down, or to the later entry", key: prefix + "B") {
        pointer, _ in LineEditor.command(pointer) { $0.moveDown() }
      }
    }
  }

  /// Keys that nobody has, as libedit's `bind` writes them.
  private enum Key {
    static let list = "^\\"
    static let drop = "^_"
    static let edit = "^]"
    static let back = "\\e[991~"
    static let preset = "\\e[990~"
  }

  private static func add(
    _ editor: OpaquePointer, _ name: String, _ help: String, key: String,
    _ command: @escaping libedit_command
  ) {
    libedit_add_command(editor, name, help, command)
    libedit_bind(editor, key, name)
  }

  private static func command(
    _ pointer: OpaquePointer?, _ body: (LineEditor) -> Int32
  ) -> UInt8 {
    LineEditor.of(pointer).map { UInt8(body($0)) } ?? UInt8(CC_ERROR)
  }

  // MARK: Tab

  private func completeWord() -> Int32 {
    let (line, cursor) = lineAndCursor()
    let completion = complete(line, cursor)
    let replace = completion.replace.clamped(to: 0..<line.utf8.count)
    guard !completion.candidates.isEmpty else { return CC_REFRESH_BEEP }
    let written = String(decoding: Array(line.utf8)[replace], as: UTF8.self)
    // libedit draws most characters as they are: one that would command the terminal is not for it.
    let prefix = completion.commonPrefix.upToWhatActs
    if completion.candidates.count == 1 || prefix.utf8.count > written.utf8.count {
      self.replace(replace, of: line, cursor: cursor, with: prefix)
      return CC_REFRESH
    }
    listing = (completion.candidates, line.scalarCount(before: cursor))
    return moveBelow(then: Key.list)
  }

  private func showListing() -> Int32 {
    guard let (candidates, cursor) = listing else { return CC_ERROR }
    listing = nil
    let size = Terminal.size(of: output) ?? (rows: 24, columns: 80)
    let lines = CompletionListing(
      candidates: candidates, rows: size.rows, columns: size.columns, usesColour: usesColour
    ).lines()
    send("\r\n" + lines.map { $0 + "\r\n" }.joined())
    let (line, end) = lineAndCursor()
    el_cursor(editor, Int32(cursor - line.scalarCount(before: end)))
    libedit_redraw(editor)
    return CC_NORM
  }

  private func replace(_ range: Range<Int>, of line: String, cursor: Int, with text: String) {
    let ahead = line.scalarCount(before: range.upperBound) - line.scalarCount(before: cursor)
    el_cursor(editor, Int32(ahead))
    let old =
      line.scalarCount(before: range.upperBound) - line.scalarCount(before: range.lowerBound)
    el_deletestr(editor, Int32(old))
    _ = insert(text)
  }

  // MARK: Ctrl-C and Ctrl-Z

  private func dropLine() -> Int32 {
    let (line, _) = lineAndCursor()
    el_deletestr(editor, Int32(line.unicodeScalars.count))
    send("^C\r\n")
    wasInterrupted = true
    return CC_NEWLINE
  }

  private func leaveForEditor() -> Int32 {
    let (line, _) = lineAndCursor()
    el_deletestr(editor, Int32(line.unicodeScalars.count))
    send("\r\n")
    lineForEditor = line
    wantsEditor = true
    return CC_NEWLINE
  }

  private func leaveForEarlierLines() -> Int32 {
    let (line, _) = lineAndCursor()
    el_deletestr(editor, Int32(line.unicodeScalars.count))
    send("\r\n")
    lineForEditor = line
    wantsEarlierLines = true
    return CC_NEWLINE
  }

  func pushPreset() { press(Key.preset) }

  private func putInPreset() -> Int32 {
    guard let preset else { return CC_NORM }
    self.preset = nil
    el_insertstr(editor, preset.text)
    el_cursor(editor, -Int32(preset.back))
    return CC_REFRESH
  }

  private func stop() -> Int32 {
    stopProcess()
    return CC_NORM
  }

  // MARK: Pasted text

  private func paste() -> Int32 {
    let end = Array("\u{1B}[201~".unicodeScalars)
    var pasted: [Unicode.Scalar] = []
    isPasting = true
    defer { isPasting = false }
    while true {
      let next = libedit_next_scalar(editor)
      guard next >= 0 else { return CC_EOF }
      guard let scalar = UInt32(exactly: next).flatMap(Unicode.Scalar.init) else { continue }
      pasted.append(scalar)
      if scalar == "~", pasted.suffix(end.count).elementsEqual(end) { break }
    }
    return insert(Self.pastedText(pasted.dropLast(end.count)))
  }

  /// The text of a paste as it belongs in a source text: the ends of lines as newlines, none at
  /// the very end (Enter runs it), and no control characters, which would act on the terminal.
  static func pastedText(_ scalars: some Sequence<Unicode.Scalar>) -> String {
    var text = String.UnicodeScalarView()
    var previous: Unicode.Scalar?
    for scalar in scalars {
      switch scalar {
      case "\r": text.append("\n")
      case "\n": if previous != "\r" { text.append("\n") }
      case "\t": text.append("\t")
      case _ where scalar.properties.generalCategory == .control: break
      default: text.append(scalar)
      }
      previous = scalar
    }
    while text.last == "\n" { text.removeLast() }
    return String(text)
  }

  // MARK: Up and Down

  private func moveUp() -> Int32 {
    let (before, _) = linesAroundCursor()
    guard before.count > 1 else {
      return isContinuation && recall == nil ? moveBelow(then: Key.back) : recallEarlier()
    }
    let column = before[before.count - 1].count
    let target = before[before.count - 2].count
    el_cursor(editor, -Int32(column + 1 + max(0, target - column)))
    return CC_CURSOR
  }

  private func moveDown() -> Int32 {
    let (before, after) = linesAroundCursor()
    guard after.count > 1 else { return recallLater() }
    let column = before[before.count - 1].count
    el_cursor(editor, Int32(after[0].count + 1 + min(column, after[1].count)))
    return CC_CURSOR
  }

  /// The lines of a text of several, as scalars: up to the cursor, and from it on.
  private func linesAroundCursor() -> (
    before: [Substring.UnicodeScalarView], after: [Substring.UnicodeScalarView]
  ) {
    let (line, cursor) = lineAndCursor()
    let scalars = line.unicodeScalars[...]
    let split = line.utf8.index(line.startIndex, offsetBy: cursor)
    let newline = { (scalar: Unicode.Scalar) in scalar == "\n" }
    return (
      scalars[..<split].split(omittingEmptySubsequences: false, whereSeparator: newline),
      scalars[split...].split(omittingEmptySubsequences: false, whereSeparator: newline)
    )
  }

  // MARK: Right

  /// One character on, or, at the end, what the hint proposes.
  private func moveRight() -> Int32 {
    let (line, cursor) = lineAndCursor()
    if cursor < line.utf8.count {
      el_cursor(editor, 1)
      return CC_CURSOR
    }
    let hint = isPainting ? hint(line) : ""
    return hint.isEmpty ? CC_REFRESH_BEEP : insert(hint)
  }

  // MARK: The line

  func insert(_ text: String) -> Int32 {
    if !text.isEmpty { el_insertstr(editor, text) }
    return CC_REFRESH
  }

  private func moveBelow(then key: String) -> Int32 {
    let (line, cursor) = lineAndCursor()
    el_cursor(editor, Int32(line.unicodeScalars.count - line.scalarCount(before: cursor)))
    press(key)
    return CC_CURSOR
  }

  /// Lets libedit go on as if `key` had been typed.
  private func press(_ key: String) {
    if key.hasPrefix("^"), let letter = key.utf8.last {
      el_push(editor, [CChar(letter & 0x1F), 0])
    } else {
      el_push(editor, "\u{1B}" + key.dropFirst(2))
    }
  }

  func lineAndCursor() -> (line: String, cursor: Int) {
    guard let info = el_line(editor)?.pointee, let start = info.buffer else { return ("", 0) }
    let bytes = UnsafeRawBufferPointer(start: start, count: info.lastchar - start)
    return (String(decoding: bytes, as: UTF8.self), info.cursor - start)
  }
}

extension String {
  /// The beginning that a terminal merely shows.
  fileprivate var upToWhatActs: String {
    String(unicodeScalars.prefix { picture(of: $0) == nil })
  }

  /// libedit counts characters as Unicode scalars, we count UTF-8 bytes.
  func scalarCount(before offset: Int) -> Int {
    // Continuation bytes are 10xxxxxx.
    utf8.prefix(offset).count { $0 & 0xC0 != 0x80 }
  }
}
