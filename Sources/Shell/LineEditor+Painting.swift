import CLibedit
import Lang
import Runtime

// Colours and a hint, painted over what libedit has drawn. It has no hook for this; but when it asks
// for a key its screen is up to date, and the same characters in colour move nothing.
extension LineEditor {
  /// Paints the line, unless more keys are there already.
  func paint() {
    guard isPainting, !isPasting, !hasInput() else { return }
    let (line, cursor) = lineAndCursor()
    let hint = cursor == line.utf8.count ? fitting(hint(line), after: line) : ""
    let stretches = stretches(line)
    if hint.isEmpty, stretches.isEmpty, shownHint.isEmpty { return }
    paint(line, cursor: cursor, stretches, hint: hint)
    shownHint = hint
  }

  /// libedit believes that nothing stands after the line.
  func removeHint() {
    guard !shownHint.isEmpty else { return }
    shownHint = ""
    let (line, cursor) = lineAndCursor()
    paint(line, cursor: cursor, stretches(line), hint: "")
  }

  private func hasInput() -> Bool {
    var waiting = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
    return poll(&waiting, 1, 0) > 0
  }

  private func paint(_ line: String, cursor: Int, _ stretches: [LineStretch], hint: String) {
    let size = Terminal.size(of: output) ?? (rows: 24, columns: 80)
    let width = displayWidth(of: promptText)
    guard width < size.columns else { return }
    let bytes = Array(line.utf8)
    var place = ScreenPlace(column: width, columns: size.columns)
    place.advance(over: String(decoding: bytes[..<cursor], as: UTF8.self))
    let up = place.row
    place.advance(over: String(decoding: bytes[cursor...], as: UTF8.self))
    // What is higher than the screen has scrolled, so its start is not where it seems.
    guard place.row < size.rows - 1 else { return }
    // What would command the terminal is drawn by libedit alone, which knows how.
    guard !line.unicodeScalars.contains(where: { $0 != "\n" && picture(of: $0) != nil }) else {
      return
    }
    var text = "\u{1B}7" + (up > 0 ? "\u{1B}[\(up)A" : "") + "\r\u{1B}[\(width)C"
    var end = 0
    for stretch in stretches where stretch.range.lowerBound >= end {
      let range = stretch.range.clamped(to: 0..<bytes.count)
      text += Self.drawn(bytes[end..<range.lowerBound])
      text += stretch.role.style.paint(Self.drawn(bytes[range]), colour: true)
      end = range.upperBound
    }
    text += Self.drawn(bytes[end...])
    text += Style.faint.paint(hint, colour: true)
    if place.column < size.columns { text += "\u{1B}[K" }
    send(text + "\u{1B}8")
  }

  private static func drawn(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes, as: UTF8.self).replacing("\n", with: "\r\n")
  }

  /// As much of a hint as the row has room for, on one line.
  private func fitting(_ hint: String, after line: String) -> String {
    guard !hint.isEmpty, hint.unicodeScalars.allSatisfy({ picture(of: $0) == nil }) else {
      return ""
    }
    let columns = Terminal.size(of: output)?.columns ?? 80
    var place = ScreenPlace(column: displayWidth(of: promptText), columns: columns)
    place.advance(over: line)
    return hint.cut(to: columns - place.column - 1, mark: "…")
  }
}

/// Where a terminal's cursor is after some text, counted from the row of the prompt.
private struct ScreenPlace {
  var row = 0
  var column: Int
  let columns: Int

  init(column: Int, columns: Int) {
    self.column = column
    self.columns = columns
  }

  mutating func advance(over text: String) {
    for character in text {
      if character == "\n" {
        row += 1
        column = 0
        continue
      }
      let width = displayWidth(of: character)
      // A wide character that does not fit begins the next row.
      if column + width > columns { (row, column) = (row + 1, 0) }
      column += width
      if column == columns { (row, column) = (row + 1, 0) }
    }
  }
}
