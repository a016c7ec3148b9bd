@_spi(_Unicode) import Swift
import Synchronization

/// How a text is changed before it is cut into words.
struct Normalizer: Sendable, Equatable {
  enum Step: Sendable, Equatable {
    /// Unicode's normalization form C.
    case nfc
    /// Put before every text that is not empty.
    case prepend([UInt8])
    /// Put before a text that does not begin with it already, or only before one that stands at the
    /// very beginning.
    case prefix([UInt8], onlyFirst: Bool)
    case replace([UInt8], with: [UInt8])
  }

  var steps: [Step]

  static let none = Normalizer(steps: [])
  static let nfc = Normalizer(steps: [.nfc])

  /// - Parameter isContinuation: whether other text stands before this one, so that nothing is put
  ///   before it.
  func apply(_ text: AlignedText, isContinuation: Bool = false) -> AlignedText {
    steps.reduce(text) { text, step in
      switch step {
      case .nfc: return Self.nfc(text)
      case .prepend(let mark):
        return text.bytes.isEmpty || isContinuation ? text : text.with(prefix: mark)
      case .prefix(let mark, let onlyFirst):
        guard !text.bytes.isEmpty, !isContinuation, !text.bytes.starts(with: mark),
          !onlyFirst || text.origin(of: 0..<0).lowerBound == 0
        else { return text }
        return text.with(prefix: mark)
      case .replace(let old, let new): return Self.replace(old, new, text)
      }
    }
  }

  private static func replace(_ old: [UInt8], _ new: [UInt8], _ text: AlignedText) -> AlignedText {
    var changed = AlignedText.Builder(text)
    var index = 0
    while index < text.bytes.count, !Interruption.requested.load(ordering: .relaxed) {
      let isOld = text.bytes[index...].starts(with: old)
      let end = index + (isOld ? old.count : 1)
      changed.append(isOld ? new[...] : text.bytes[index..<end], for: index..<end)
      index = end
    }
    return changed.text
  }

  /// Normalizes stretch by stretch. No stretch takes part in the composition of another.
  private static func nfc(_ text: AlignedText) -> AlignedText {
    guard text.bytes.contains(where: { $0 >= 0x80 }) else { return text }
    var changed = AlignedText.Builder(text)
    var index = 0
    while index < text.bytes.count, !Interruption.requested.load(ordering: .relaxed) {
      let (first, length) = scalar(at: index, in: text.bytes[...])
      var end = index + length
      while first.isKnownToNFC, end < text.bytes.count,
        case (let next, let length) = scalar(at: end, in: text.bytes[...]), next.mayCompose
      {
        end += length
      }
      let stretch = text.bytes[index..<end]
      if first.isASCII && stretch.count == 1 || !first.isKnownToNFC {
        changed.append(stretch, for: index..<end)
      } else {
        let ordered = Self.decomposed(String(decoding: stretch, as: UTF8.self))
        let composed = String(String.UnicodeScalarView(String(ordered)._nfc))
        changed.append(Array(composed.utf8)[...], for: index..<end)
      }
      index = end
    }
    return changed.text
  }

  /// The canonical decomposition, with its marks in canonical order. Swift's own leaves marks after
  /// U+0F73, U+0F75 and U+0F81 where they are: these have the class 0, but what they are made of
  /// has not.
  private static func decomposed(_ text: String) -> String.UnicodeScalarView {
    let scalars = text.unicodeScalars.flatMap { Array(String($0)._nfd) }
    var ordered: [Unicode.Scalar] = []
    for scalar in scalars {
      let order = scalar.properties.canonicalCombiningClass
      var index = ordered.endIndex
      while order != .notReordered, index > 0,
        ordered[index - 1].properties.canonicalCombiningClass > order
      {
        index -= 1
      }
      ordered.insert(scalar, at: index)
    }
    return String.UnicodeScalarView(ordered)
  }
}

extension Unicode.Scalar {
  /// The tables of `tokenizers` are those of Unicode 9, in which later characters have no class and
  /// compose with nothing.
  fileprivate var isKnownToNFC: Bool {
    isASCII || properties.age.map { $0.major <= 9 } ?? false
  }

  /// Whether it may change with the characters before it: marks, and the later letters of a Hangul
  /// syllable.
  fileprivate var mayCompose: Bool {
    guard value >= 0x300, isKnownToNFC else { return false }
    if (0x1160...0x11FF).contains(value) { return true }
    return switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark: true
    default: properties.canonicalCombiningClass != .notReordered
    }
  }
}

/// Text that has been changed, and which of the original's bytes each of its bytes came from.
struct AlignedText: Sendable {
  private(set) var bytes: [UInt8]
  /// Where each byte begins in the original, and last where they end; nil if all bytes are as they
  /// were, from `start` on.
  private var origins: [Int]?
  private let start: Int

  /// A stretch of the original.
  init(_ original: ArraySlice<UInt8>) {
    bytes = Array(original)
    start = original.startIndex
  }

  /// The range in the original. Bytes that became others share their range among them.
  func origin(of range: Range<Int>) -> Range<Int> {
    guard let origins else { return start + range.lowerBound..<start + range.upperBound }
    return origins[range.lowerBound]..<origins[range.upperBound]
  }

  subscript(range: Range<Int>) -> AlignedText {
    if range == bytes.indices { return self }
    var part = AlignedText(bytes[range], start: start + range.lowerBound)
    part.origins = origins.map { Array($0[range.lowerBound...range.upperBound]) }
    return part
  }

  private init(_ bytes: ArraySlice<UInt8>, start: Int) {
    self.bytes = Array(bytes)
    self.start = start
  }

  func with(prefix: [UInt8]) -> AlignedText {
    var changed = Builder(self)
    changed.append(prefix[...], for: 0..<0)
    for index in bytes.indices { changed.append(bytes[index...index], for: index..<index + 1) }
    return changed.text
  }

  /// Makes a changed text from left to right.
  struct Builder {
    private let old: AlignedText
    private var bytes: [UInt8] = []
    private var origins: [Int] = []

    init(_ old: AlignedText) {
      self.old = old
      bytes.reserveCapacity(old.bytes.count + 16)
      origins.reserveCapacity(old.bytes.count + 17)
    }

    /// What the bytes of `range`, the next of the old text, have become. Those that are the same at
    /// either end keep their ranges, the others share theirs.
    mutating func append(_ new: ArraySlice<UInt8>, for range: Range<Int>) {
      let were = old.bytes[range]
      let head = zip(were, new).prefix { $0 == $1 }.count
      let tail = min(
        zip(were.reversed(), new.reversed()).prefix { $0 == $1 }.count,
        min(were.count, new.count) - head)
      let changed = old.origin(of: range.lowerBound + head..<range.upperBound - tail)
      let count = new.count - head - tail
      for (index, byte) in new.enumerated() {
        bytes.append(byte)
        if index < head {
          origins.append(old.origin(of: range.lowerBound + index..<range.upperBound).lowerBound)
        } else if index < head + count {
          origins.append(changed.lowerBound + (index - head) * changed.count / count)
        } else {
          let start = range.upperBound - (new.count - index)
          origins.append(old.origin(of: start..<range.upperBound).lowerBound)
        }
      }
    }

    var text: AlignedText {
      var text = old
      text.bytes = bytes
      text.origins = origins + [old.origin(of: old.bytes.count..<old.bytes.count).lowerBound]
      return text
    }
  }
}
