import TestSupport
import Testing

@testable import Lang

func source(_ text: String) -> SourceText { SourceText(name: "test", text: text) }

/// What a faultless text parses to.
func tree(_ text: String, _ location: SourceLocation = #_sourceLocation) -> String {
  let source = source(text)
  let result = parse(source)
  for diagnostic in result.diagnostics {
    Issue.record("\(diagnostic.rendered(in: source))", sourceLocation: location)
  }
  return dump(result.script)
}

/// A text whose places of interest stand between ▶ and ◀, in order; an empty place is ▶◀.
struct MarkedSource {
  var source: SourceText
  var spans: [SourceSpan] = []

  init(_ marked: String) {
    var bytes: [UInt8] = []
    var starts: [Int] = []
    for character in marked {
      switch character {
      case "▶": starts.append(bytes.count)
      case "◀": spans.append(SourceSpan(starts.removeLast(), bytes.count))
      default: bytes += Array(String(character).utf8)
      }
    }
    source = SourceText(name: "test", bytes: bytes)
  }
}

extension SeededGenerator {
  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }

  mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[Int.random(in: 0..<elements.count, using: &self)]
  }
}
