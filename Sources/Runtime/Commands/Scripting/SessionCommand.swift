import Lang
import Model

extension Command {
  static let session = Command(
    name: "session", group: .scripting,
    summary: "Save what was typed at the prompt as a script that gives the same tables.",
    details: """
      The script has the lines that were typed and did not fail, but for help, settings of the \
      terminal and the like. Its comments name the version and the SHA-256 of each model and of \
      each file that a line names.
      """,
    input: .none,
    parameters: [
      .positional("what", .choice(SessionAction.self), "what to do"),
      .positional("file", .path, "the script's path"),
    ],
    examples: [], yieldsToNames: true
  ) { call in
    _ = try call.choice(required: "what", SessionAction.self)
    let path = try call.text(required: "file")
    let session = call.session
    guard !session.typed.isEmpty else {
      throw call.failure(
        "there is nothing to save", help: "only what was typed at the prompt and ran is saved")
    }
    let text = try SavedSession(session).text
    try placing(at: call.span(of: "file")) {
      try writeFiles([NewFile(path, text: text)], host: call.host)
    }
    return .nothing
  }
}

enum SessionAction: String, Choice {
  case save

  var summary: String { "write a script" }
}

/// A session as a script.
private struct SavedSession {
  private let session: Session

  init(_ session: Session) { self.session = session }

  var text: String {
    get throws {
      var lines = ["#!/usr/bin/env summand", "# A session of Summand \(session.host.version)."]
      for entry in session.models.entries {
        for file in try session.digests(of: entry.model) {
          lines.append(comment(file.sha256, file.name, of: "model \(entry.name)"))
        }
      }
      for path in files {
        do {
          let hash = try Checksum.sha256(ofFile: path) { _ in try Interruption.check() }
          lines.append(comment(hash, path, of: "file"))
        } catch is Failure {
          // It was there a moment ago: a line that needs it says what it lacks.
        }
      }
      return (lines + [""] + session.typed).joined(separator: "\n") + "\n"
    }
  }

  private func comment(_ hash: String?, _ name: String, of kind: String) -> String {
    let name = name.filter { !$0.isNewline }
    return "# \(kind): \(name) sha256 \(hash ?? "unknown")"
  }

  /// The files that the lines name in quotes, each once.
  private var files: [String] {
    var found: [String] = []
    for entry in session.typed {
      let source = SourceText(name: "", text: entry)
      for token in tokens(of: source) {
        let text: String
        switch token.kind {
        case .stringText, .path: text = source.text(in: token.span)
        case .rawString: text = String(source.text(in: token.span).dropFirst().dropLast())
        default: continue
        }
        guard !found.contains(text), !text.hasSuffix(".gguf"), !text.hasSuffix(".safetensors"),
          let status = fileStatus(of: text), status.st_mode & S_IFMT == S_IFREG
        else { continue }
        found.append(text)
      }
    }
    return found
  }
}

extension Session {
  /// Notes a statement that ran, for `session save`.
  func noteTyped(_ statement: Statement) {
    if case .pipeline(let pipeline) = statement.kind, let stage = pipeline.stages.first {
      let name: String?
      switch stage.kind {
      case .command(let word, _): name = word.text
      case .expression(let expression):
        if case .name(let word) = expression.kind { name = word } else { name = nil }
      case .shell: name = nil
      }
      // Words about the session itself, unless a variable has the name.
      let own: Set = ["help", "history", "vars", "transcript", "session", "pwd", "tutorial"]
      if let name, own.contains(name), lookUp(name) == nil { return }
    }
    typed.append(source.text(in: statement.span))
  }
}
