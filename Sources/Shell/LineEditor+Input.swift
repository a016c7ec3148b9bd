import CLibedit
import Lang

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Reading keys. libedit's own reader would lose the first interruption on some systems, and
/// resize from within a signal's handler on all.
extension LineEditor {
  static func readKeys(for editor: OpaquePointer) {
    libedit_set_reader(editor) { pointer, scalar in
      guard let editor = LineEditor.of(pointer), let scalar else { return -1 }
      return editor.readKey(into: scalar)
    }
  }

  /// - Returns: 1 with a character, 0 at the end of the input, -1 on an error.
  private func readKey(into scalar: UnsafeMutablePointer<wchar_t>) -> Int32 {
    var decoder = UTF8Decoder()
    paint()
    while true {
      guard waitForInput() else { return Interrupts.endStatus == nil ? -1 : 0 }
      var byte: UInt8 = 0
      switch read(input, &byte, 1) {
      case 1:
        // Bytes that are not UTF-8 are not keys.
        guard let decoded = decoder.scalar(after: byte) else { continue }
        scalar.pointee = wchar_t(decoded.value)
        removeHint()
        return 1
      case 0: return 0
      default: if errno != EINTR && errno != EAGAIN { return -1 }
      }
    }
  }

  /// Does what signals have asked for until there is something to read.
  private func waitForInput() -> Bool {
    while true {
      var sources = [
        pollfd(fd: input, events: Int16(POLLIN), revents: 0),
        pollfd(fd: TerminalSignals.receiver, events: Int16(POLLIN), revents: 0),
      ]
      // The note of a signal that ends the process comes only once.
      if Interrupts.endStatus != nil { return false }
      guard poll(&sources, nfds_t(sources.count), -1) >= 0 else {
        if errno == EINTR { continue }
        return false
      }
      if sources[1].revents != 0 { handle(TerminalSignals.events()) }
      if sources[0].revents != 0, Interrupts.endStatus == nil { return true }
    }
  }

  /// Does what signals have asked for since the line before: nothing is drawn yet.
  func catchUp() {
    let events = TerminalSignals.events()
    if events.contains(.continued) {
      libedit_prepare_terminal(editor, 0)
      libedit_prepare_terminal(editor, 1)
    }
    if !events.isEmpty { el_resize(editor) }
  }

  private func handle(_ events: Set<TerminalSignals.Event>) {
    if events.contains(.continued) {
      takeTerminal()
      libedit_redraw(editor)
    } else if events.contains(.resized) {
      clearLine()
      el_resize(editor)
      libedit_redraw(editor)
    }
  }

  /// Takes prompt and line off the screen. Terminals break long lines again when they are resized,
  /// so the rows above the cursor are counted by the width that it has now.
  private func clearLine() {
    let columns = Terminal.size(of: output)?.columns ?? 80
    let (line, cursor) = lineAndCursor()
    let before = promptText + String(decoding: line.utf8.prefix(cursor), as: UTF8.self)
    let rows = before.split(separator: "\n", omittingEmptySubsequences: false)
      .map { displayWidth(of: String($0)) / columns + 1 }
    let up = rows.reduce(0, +) - 1
    send((up > 0 ? "\u{1B}[\(up)A" : "") + "\r\u{1B}[J")
  }

  /// Ctrl-Z, which is a key like any other while a line is edited.
  func stopProcess() {
    releaseTerminal()
    kill(0, SIGTSTP)
    // Here the process goes on. The note of it is for those that did not know.
    _ = TerminalSignals.events()
    takeTerminal()
    libedit_redraw(editor)
  }

  private func takeTerminal() {
    // libedit believes that nothing has changed since it last took it.
    libedit_prepare_terminal(editor, 0)
    libedit_prepare_terminal(editor, 1)
    el_resize(editor)
    setPasteMode(true)
  }

  private func releaseTerminal() {
    setPasteMode(false)
    libedit_prepare_terminal(editor, 0)
  }
}

/// Puts characters together from their bytes as they come.
private struct UTF8Decoder {
  private var bytes: [UInt8] = []

  /// The character that `byte` completes. What cannot become one is dropped.
  mutating func scalar(after byte: UInt8) -> Unicode.Scalar? {
    if byte & 0xC0 != 0x80 { bytes = [] }
    bytes.append(byte)
    if bytes.count > 4 { bytes = [] }
    guard let scalars = String(validating: bytes, as: UTF8.self)?.unicodeScalars else { return nil }
    bytes = []
    return scalars.first
  }
}
