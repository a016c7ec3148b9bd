import Lang

/// A template with its columns filled in: the text, and where its spans lie in it.
struct FilledTemplate {
  private(set) var text = ""
  private(set) var labels: [(label: String, range: Range<Int>)] = []

  /// - Parameter fields: a text for each of the template's fields.
  init(_ template: Template, fields: [String: String]) {
    append(template.segments, fields)
  }

  private mutating func append(_ segments: [Template.Segment], _ fields: [String: String]) {
    for segment in segments {
      let start = text.utf8.count
      switch segment {
      case .text(let part): text += part
      case .field(let name):
        text += fields[name.text] ?? ""
        // A field is a span of its own, unless it stands in one.
        labels.append((name.text, start..<text.utf8.count))
      case .span(let name, let inner):
        let outer = labels
        append(inner, fields)
        labels = outer + [(name.text, start..<text.utf8.count)]
      }
    }
  }
}
