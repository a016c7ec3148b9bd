import CLibedit
import Runtime

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The editing of one line (or, after a paste, of several) on a terminal: libedit, with Tab,
/// Ctrl-C and pasted text as a person expects them.
final class LineEditor {
  enum Input: Equatable {
    case line(String)
    /// Ctrl-C: what was typed is dropped.
    case interrupted
    /// Ctrl-D on an empty line.
    case end
    /// Ctrl-X Ctrl-E: the line goes to an editor.
    case edit(String)
    /// Up on a line that goes on with an entry: all of it is to be edited as one.
    case back(String)
  }

  /// What Tab asks. It gets the line, and the cursor as a UTF-8 offset in it.
  var complete: (_ line: String, _ cursor: Int) -> Completion = { _, cursor in
    Completion(replace: cursor..<cursor, candidates: [])
  }

  /// What Up goes through, oldest first.
  var entries: () -> [String] = { [] }
  /// Where Up and Down are.
  var recall: Recall?
  /// What is coloured of the line; nothing where there is no colour.
  var stretches: (_ line: String) -> [LineStretch] = { _ in [] }
  /// The faint text that Right would add to the line, whose end the cursor is at; empty for none.
  var hint: (_ line: String) -> String = { _ in "" }
  /// Whether the line is painted over while it is typed.
  var isPainting = false
  /// What is painted after the line now.
  var shownHint = ""
  /// While a paste comes in, nothing is painted.
  var isPasting = false

  let editor: OpaquePointer
  let input: Int32
  let output: Int32
  let usesColour: Bool
  /// Whether the terminal can be painted on, and may be.
  let canPaint: Bool
  var wasInterrupted = false
  var wantsEditor = false
  var lineForEditor = ""
  /// Whether the line goes on with an entry, whose earlier lines Up leads back to.
  var isContinuation = false
  var wantsEarlierLines = false
  /// What is put into the line as it begins, and how many scalars before its end the cursor is.
  var preset: (text: String, back: Int)?
  /// What Tab is about to list, and where the cursor was.
  var listing: (candidates: [Candidate], cursor: Int)?

  private let searched: OpaquePointer
  private var prompt: UnsafeMutablePointer<CChar>
  /// The prompt as it looks, without its escape sequences.
  private(set) var promptText = ""
  private let hasPasteMode: Bool

  /// Stands around the escape sequences of a prompt.
  static let escapeMark: Character = "\u{1}"

  /// - Parameters:
  ///   - program: the name that `.editrc` lines may begin with.
  ///   - output: where the line is drawn.
  init?(program: String, input: Int32, output: Int32, terminal: Terminal, historySize: Int) {
    Self.useUnicodeLocale()
    guard let editor = libedit_open(program, input, output) else { return nil }
    guard let entries = history_init(), let prompt = strdup("") else {
      libedit_close(editor)
      return nil
    }
    self.editor = editor
    self.searched = entries
    self.prompt = prompt
    self.input = input
    self.output = output
    usesColour = terminal.usesColour(on: .output)
    canPaint = usesColour && terminal.hasEscapes

    libedit_history_size(entries, Int32(clamping: historySize))
    libedit_use_history(editor, entries)
    libedit_set_keymap(editor, "emacs")
    Self.bindConveniences(editor)
    el_source(editor, nil)
    // A `bind -v` there has emptied the key maps, so what the shell cannot do without comes last.
    let isEmacs = libedit_keymap(editor).map { String(cString: $0) } != "vi"
    Self.bindCommands(editor, isEmacs: isEmacs)
    hasPasteMode = isEmacs && terminal.hasEscapes

    libedit_set_client(editor, Unmanaged.passUnretained(self).toOpaque())
    TerminalSignals.install(input: input)
    Self.readKeys(for: editor)
    libedit_set_prompt(
      editor, { LineEditor.of($0)?.prompt }, CChar(Self.escapeMark.asciiValue ?? 1))
  }

  deinit {
    libedit_close(editor)
    history_end(searched)
    free(prompt)
  }

  /// The editor that a callback was called for.
  static func of(_ editor: OpaquePointer?) -> LineEditor? {
    guard let client = libedit_client(editor) else { return nil }
    return Unmanaged<LineEditor>.fromOpaque(client).takeUnretainedValue()
  }

  /// Lets the person write a line. The line's own end is not in it.
  /// - Parameter indentation: spaces that stand in the line already.
  /// - Parameter preset: what stands in the line, and how far from its end the cursor is.
  func readLine(
    prompt text: String, indentation: Int = 0, preset: (text: String, back: Int)? = nil
  ) -> Input {
    free(prompt)
    prompt = strdup(text)
    promptText = String(text.replacing(/\u{1}[^\u{1}]*\u{1}/, with: ""))
    wasInterrupted = false
    wantsEditor = false
    wantsEarlierLines = false
    recall = nil
    self.preset = preset
    if preset != nil { pushPreset() }
    if indentation > 0 { el_push(editor, String(repeating: " ", count: indentation)) }
    // Before the prompt is seen: a key typed at the very first moment is one for the editor.
    libedit_prepare_terminal(editor, 1)
    catchUp()
    setPasteMode(true)
    defer { setPasteMode(false) }
    while true {
      var count: Int32 = 0
      errno = 0
      let line = el_gets(editor, &count)
      if wasInterrupted { return .interrupted }
      if wantsEditor { return .edit(lineForEditor) }
      if wantsEarlierLines { return .back(lineForEditor) }
      if let line, count > 0 {
        var text = String(
          decoding: UnsafeRawBufferPointer(start: line, count: Int(count)), as: UTF8.self)
        if text.hasSuffix("\n") { text.removeLast() }
        return .line(text)
      }
      // A signal that nobody minds has cut the reading short.
      if count == -1, errno == EINTR, Interrupts.endStatus == nil { continue }
      send("\n")
      return .end
    }
  }

  /// Puts an entry where Up finds it.
  func remember(_ entry: String) {
    libedit_history_enter(searched, entry)
  }

  /// While pasted text is marked as such, its newlines run nothing.
  func setPasteMode(_ on: Bool) {
    if hasPasteMode { send(on ? "\u{1B}[?2004h" : "\u{1B}[?2004l") }
  }

  func send(_ text: String) {
    libedit_flush(editor)
    _ = writeAll(text.utf8, to: output)
  }

  /// libedit reads and draws characters by the locale; one without Unicode would lose them.
  private static func useUnicodeLocale() {
    setlocale(LC_CTYPE, "")
    for fallback in ["C.UTF-8", "en_US.UTF-8", "UTF-8"] {
      if String(cString: nl_langinfo(nl_item(CODESET))) == "UTF-8" { return }
      setlocale(LC_CTYPE, fallback)
    }
  }

  /// Keys as most shells have them; a person's `.editrc` may say otherwise.
  private static func bindConveniences(_ editor: OpaquePointer) {
    for (key, command) in [
      ("^R", "em-inc-search-prev"), ("^W", "ed-delete-prev-word"),
      ("\\e[H", "ed-move-to-beg"), ("\\eOH", "ed-move-to-beg"), ("\\e[1~", "ed-move-to-beg"),
      ("\\e[F", "ed-move-to-end"), ("\\eOF", "ed-move-to-end"), ("\\e[4~", "ed-move-to-end"),
      ("\\e[3~", "ed-delete-next-char"),
      ("\\e[1;5D", "ed-prev-word"), ("\\e[1;3D", "ed-prev-word"),
      ("\\e[1;5C", "em-next-word"), ("\\e[1;3C", "em-next-word"),
    ] {
      libedit_bind(editor, key, command)
    }
  }
}
