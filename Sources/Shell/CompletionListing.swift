import Lang
import Runtime

/// What Tab shows where there is more than one way to go on: a row each with its summary, or, where
/// there are too many for that, the bare texts in columns.
struct CompletionListing {
  let candidates: [Candidate]
  let rows: Int
  let columns: Int
  let usesColour: Bool

  /// Names of files and texts of models are among the candidates.
  init(candidates: [Candidate], rows: Int, columns: Int, usesColour: Bool) {
    self.candidates = candidates.map { candidate in
      var shown = candidate
      shown.text = withPictures(candidate.text, keepsLines: false)
      shown.summary = withPictures(candidate.summary, keepsLines: false)
      return shown
    }
    self.rows = rows
    self.columns = columns
    self.usesColour = usesColour
  }

  /// The lines to print, never wider or more than what the screen takes.
  func lines() -> [String] {
    let room = max(3, rows - 2)
    let hasSummaries = candidates.contains { !$0.summary.isEmpty }
    if hasSummaries && candidates.count <= room { return summaries() }
    return inColumns(room: room)
  }

  private func summaries() -> [String] {
    let textWidth = candidates.map { displayWidth(of: $0.text) }.max() ?? 0
    return candidates.map { candidate in
      let text = candidate.text.cut(to: columns - 1, mark: "…")
      let padding = textWidth - displayWidth(of: candidate.text) + 2
      let summary = candidate.summary.cut(to: columns - 1 - textWidth - 2, mark: "…")
      guard !summary.isEmpty, summary != "…" else { return text }
      return text + String(repeating: " ", count: padding) + faint(summary)
    }
  }

  /// Downwards first, as `ls` does it.
  private func inColumns(room: Int) -> [String] {
    let texts = candidates.map { $0.text.cut(to: columns - 1, mark: "…") }
    let cell = (texts.map { displayWidth(of: $0) }.max() ?? 0) + 2
    let across = max(1, (columns - 1) / cell)
    let height = (texts.count + across - 1) / across
    var lines = (0..<min(height, room)).map { row in
      var line = ""
      for index in stride(from: row, to: texts.count, by: height) {
        line += texts[index]
        if index + height < texts.count {
          line += String(repeating: " ", count: cell - displayWidth(of: texts[index]))
        }
      }
      return line
    }
    if height > room {
      lines[room - 1] = faint(
        "… \(texts.count) in all: type on to narrow them down".cut(to: columns - 1, mark: "…"))
    }
    return lines
  }

  private func faint(_ text: String) -> String {
    Style.faint.paint(text, colour: usesColour)
  }
}

extension Completion {
  /// What all candidates begin with.
  var commonPrefix: String {
    guard var prefix = candidates.first?.text[...] else { return "" }
    for candidate in candidates.dropFirst() {
      prefix = prefix.commonPrefix(with: candidate.text)
    }
    return String(prefix)
  }
}

extension Substring {
  fileprivate func commonPrefix(with other: String) -> Substring {
    var here = startIndex
    var there = other.startIndex
    while here < endIndex, there < other.endIndex, self[here] == other[there] {
      formIndex(after: &here)
      other.formIndex(after: &there)
    }
    return self[..<here]
  }
}
