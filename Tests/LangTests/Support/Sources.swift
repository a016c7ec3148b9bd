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

/// SplitMix64: the same numbers on every machine.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }

  mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[Int.random(in: 0..<elements.count, using: &self)]
  }
}
