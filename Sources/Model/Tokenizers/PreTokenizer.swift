import Synchronization

/// How text is cut into words before the merges. No merge crosses a cut.
struct PreTokenizer: Sendable, Equatable {
  /// One way to cut; each cuts further what those before it have left.
  enum Step: Sendable, Equatable {
    /// Runs of digits and runs of other characters are apart: `Digits` of `tokenizers`.
    case digits
    /// Each digit is a word.
    case eachDigit
    case pattern(WordPattern)
    /// A word begins at each of these.
    case before([UInt8])
    /// A word ends after each of these.
    case after([UInt8])
  }

  var steps: [Step]

  static let whole = PreTokenizer(steps: [])
  static let gpt2 = PreTokenizer(steps: [.pattern(.gpt2)])
  static let smollm = PreTokenizer(steps: [.eachDigit, .pattern(.gpt2)])
  static let llama3 = PreTokenizer(steps: [.pattern(.llama3)])
  static let qwen2 = PreTokenizer(steps: [.pattern(.qwen2)])
  static let tekken = PreTokenizer(steps: [.pattern(.tekken)])
  static let gpt4o = PreTokenizer(steps: [.pattern(.gpt4o)])

  /// Calls `word` with the range of each word of `range` in turn. Together they cover it, unless work
  /// is to end.
  ///
  /// - Parameter text: UTF-8, valid.
  func split(_ text: ArraySlice<UInt8>, _ range: Range<Int>, _ word: (Range<Int>) -> Void) {
    split(text, range, steps[...], word)
  }

  private func split(
    _ text: ArraySlice<UInt8>, _ range: Range<Int>, _ steps: ArraySlice<Step>,
    _ word: (Range<Int>) -> Void
  ) {
    guard let step = steps.first else {
      if !range.isEmpty { word(range) }
      return
    }
    var start = range.lowerBound
    while start < range.upperBound, !Interruption.requested.load(ordering: .relaxed) {
      let end = step.end(text, start..<range.upperBound)
      split(text, start..<end, steps.dropFirst(), word)
      start = end
    }
  }
}

extension PreTokenizer.Step {
  /// Where the word ends that begins with `range`, which is not empty.
  fileprivate func end(_ text: ArraySlice<UInt8>, _ range: Range<Int>) -> Int {
    switch self {
    case .digits: Self.digitsEnd(text, range, individually: false)
    case .eachDigit: Self.digitsEnd(text, range, individually: true)
    case .pattern(let pattern): pattern.end(text, range)
    case .before(let mark):
      Self.find(mark, text, range.lowerBound + 1..<range.upperBound) ?? range.upperBound
    case .after(let mark):
      Self.find(mark, text, range).map { $0 + mark.count } ?? range.upperBound
    }
  }

  private static func digitsEnd(
    _ text: ArraySlice<UInt8>, _ range: Range<Int>, individually: Bool
  ) -> Int {
    func number(_ index: Int) -> (is: Bool, length: Int) {
      let (scalar, length) = scalar(at: index, in: text)
      return (scalar.isNumeric, length)
    }
    let first = number(range.lowerBound)
    var end = range.lowerBound + first.length
    while end < range.upperBound, !(first.is && individually), case let next = number(end),
      next.is == first.is
    {
      end += next.length
    }
    return end
  }

  private static func find(_ mark: [UInt8], _ text: ArraySlice<UInt8>, _ range: Range<Int>) -> Int?
  {
    range.first { $0 + mark.count <= range.upperBound && text[$0...].starts(with: mark) }
  }
}
