/// The parts of a `tokenizer.json` around its model: what they say, or that it is not known here.
extension TokenizerJSON {
  /// What happens to a text between its added tokens.
  struct Splitting: Equatable {
    var spacing = Normalizer.none
    var preTokenizer = PreTokenizer.whole
    var spelling = Vocabulary.Spelling.metaspace
  }

  private static var mostSteps: Int { 6 }
  private static var longestMark: Int { 16 }

  func normalizer() throws -> Normalizer {
    var steps: [Normalizer.Step] = []
    func read(_ part: JSON, depth: Int) throws {
      switch part["type"]?.string {
      case "Sequence" where depth == 0:
        for step in part["normalizers"]?.array ?? [] { try read(step, depth: 1) }
      case "NFC": steps.append(.nfc)
      case "Prepend": steps.append(.prepend(try text(part, "prepend", of: "Prepend")))
      case "Replace":
        let old = try literal(part, of: "its normalizer")
        guard !old.isEmpty else { throw damaged("its normalizer replaces nothing") }
        guard let new = part["content"]?.string else {
          throw damaged("the step Replace of its normalizer has no content")
        }
        guard new.utf8.count <= Self.longestMark else {
          throw damaged(
            "its normalizer puts \(new.utf8.count) bytes in, which cannot be a mark for a space")
        }
        steps.append(.replace(old, with: Array(new.utf8)))
      default: throw damaged("its normalizer is \(typeName(part)), which is not read")
      }
    }
    if let part = parts["normalizer"] { try read(part, depth: 0) }
    guard steps.count <= Self.mostSteps else {
      throw damaged("its normalizer has \(steps.count) steps, more than \(Self.mostSteps)")
    }
    // Steps that each make a text longer multiply. The families make `▁` of a space, thrice as long.
    let growth = steps.reduce(1) { growth, step in
      guard case .replace(let old, let new) = step else { return growth }
      return growth * max(1, (new.count + old.count - 1) / old.count)
    }
    guard growth <= Self.longestMark else {
      throw damaged("its normalizer can make a text \(growth) times as long")
    }
    return Normalizer(steps: steps)
  }

  /// How the text is cut.
  func splitting() throws -> Splitting {
    var result = Splitting()
    guard let part = parts["pre_tokenizer"] else {
      guard model["byte_fallback"]?.bool == true else {
        throw damaged("it has no pre_tokenizer and no byte_fallback: it is not a known kind of BPE")
      }
      return result
    }
    let isSequence = part["type"]?.string == "Sequence"
    let steps = isSequence ? part["pretokenizers"]?.array ?? [] : [part]
    guard steps.count <= Self.mostSteps else {
      throw damaged("its pre_tokenizer has \(steps.count) steps, more than \(Self.mostSteps)")
    }
    for (index, step) in steps.enumerated() {
      switch step["type"]?.string {
      case "Digits":
        let isEach = step["individual_digits"]?.bool == true
        result.preTokenizer.steps.append(isEach ? .eachDigit : .digits)
      case "Split": result.preTokenizer.steps.append(try split(step))
      case "Metaspace" where index == 0: try readMetaspace(step, into: &result)
      case "ByteLevel" where index == steps.count - 1:
        guard step["add_prefix_space"]?.bool == false else {
          throw damaged("its pre_tokenizer has add_prefix_space, which is not read")
        }
        if step["use_regex"]?.bool ?? true { result.preTokenizer.steps.append(.pattern(.gpt2)) }
        result.spelling = .byteAlphabet
      default:
        throw damaged("its pre_tokenizer has the step \(typeName(step)), which is not read here")
      }
    }
    switch result.spelling {
    case .byteAlphabet:
      guard model["byte_fallback"]?.bool != true else {
        throw damaged("its model has byte_fallback, and its pre_tokenizer is ByteLevel already")
      }
      guard result.spacing == .none else {
        throw damaged("its pre_tokenizer has Metaspace and ByteLevel, which is not read")
      }
    case .metaspace:
      guard model["byte_fallback"]?.bool == true || result.spacing != .none else {
        throw damaged("its pre_tokenizer has neither ByteLevel nor Metaspace: it is not known")
      }
    }
    return result
  }

  private func split(_ step: JSON) throws -> PreTokenizer.Step {
    let behavior = step["behavior"]?.string ?? ""
    let isInverted = step["invert"]?.bool ?? false
    if let expression = step["pattern"]?["Regex"]?.string {
      guard let pattern = WordPattern.allCases.first(where: { $0.expression == expression }) else {
        throw damaged("its pre_tokenizer cuts by \(quoted(expression)), which is not known")
      }
      // The matches cover every text, so that these two are the same.
      guard
        (behavior, isInverted) == ("Isolated", false) || (behavior, isInverted) == ("Removed", true)
      else { throw damaged("its pre_tokenizer cuts with \(quoted(behavior)), which is not read") }
      return .pattern(pattern)
    }
    let mark = try literal(step, of: "its pre_tokenizer")
    guard !mark.isEmpty, !isInverted else { throw damaged("its pre_tokenizer cuts at nothing") }
    switch behavior {
    case "MergedWithPrevious": return .after(mark)
    case "MergedWithNext": return .before(mark)
    default: throw damaged("its pre_tokenizer cuts with \(quoted(behavior)), which is not read")
    }
  }

  private func readMetaspace(_ step: JSON, into result: inout Splitting) throws {
    let mark = try text(step, "replacement", of: "Metaspace")
    guard mark == Vocabulary.metaspace else {
      throw damaged("its spaces are \(quoted(step["replacement"]?.string ?? "")), not '▁'")
    }
    result.spacing.steps = [.replace([UInt8(ascii: " ")], with: mark)]
    let scheme = step["prepend_scheme"]?.string
    switch scheme ?? (step["add_prefix_space"]?.bool == false ? "never" : "always") {
    case "always": result.spacing.steps.append(.prefix(mark, onlyFirst: false))
    case "first": result.spacing.steps.append(.prefix(mark, onlyFirst: true))
    case "never": break
    case let other: throw damaged("its prepend_scheme is \(quoted(other)), which is not known")
    }
    if step["split"]?.bool ?? true { result.preTokenizer.steps.append(.before(mark)) }
  }

  /// The special tokens that the file puts before a text and after it.
  func template() throws -> (before: String?, after: [String]) {
    guard let part = parts["post_processor"] else { return (nil, []) }
    let isSequence = part["type"]?.string == "Sequence"
    var result: (before: String?, after: [String]) = (nil, [])
    for step in isSequence ? part["processors"]?.array ?? [] : [part] {
      switch step["type"]?.string {
      case "ByteLevel": break
      case "TemplateProcessing":
        let pieces = step["single"]?.array ?? []
        let text = pieces.firstIndex { $0["Sequence"] != nil } ?? pieces.count
        let marks = pieces.map { $0["SpecialToken"]?["id"]?.string }
        let before = marks[..<text].compactMap { $0 }
        guard before.count + (result.before == nil ? 0 : 1) <= 1 else {
          throw damaged("its post_processor puts several tokens before a text, which is not read")
        }
        result.before = before.first ?? result.before
        result.after += marks[text...].compactMap { $0 }
      default: throw damaged("its post_processor has \(typeName(step)), which is not read")
      }
    }
    return result
  }

  /// Tokens are always turned into text in the vocabulary's own spelling; a decoder that would do
  /// otherwise is refused.
  func checkDecoder() throws {
    func check(_ part: JSON, depth: Int) throws {
      switch part["type"]?.string {
      case "Sequence" where depth == 0:
        for step in part["decoders"]?.array ?? [] { try check(step, depth: 1) }
      case "ByteLevel", "ByteFallback", "Fuse", "Metaspace", "Strip": break
      case "Replace":
        guard try literal(part, of: "its decoder") == Vocabulary.metaspace,
          part["content"]?.string == " "
        else { throw damaged("its decoder replaces something else than '▁', which is not read") }
      default: throw damaged("its decoder is \(typeName(part)), which is not read")
      }
    }
    if let part = parts["decoder"] { try check(part, depth: 0) }
  }

  /// The text of a step's `pattern`, if it is not a regular expression.
  private func literal(_ step: JSON, of part: String) throws -> [UInt8] {
    if let text = step["pattern"]?["String"]?.string { return Array(text.utf8) }
    guard let expression = step["pattern"]?["Regex"]?.string else {
      throw damaged("\(part) has the step \(typeName(step)) without a pattern")
    }
    throw damaged("\(part) has the pattern \(quoted(expression)), which is not known")
  }

  private func text(_ step: JSON, _ key: String, of name: String) throws -> [UInt8] {
    guard let text = step[key]?.string, text.utf8.count <= Self.longestMark else {
      throw damaged("its step \(name) has no \(key)")
    }
    return Array(text.utf8)
  }

  private func typeName(_ part: JSON) -> String {
    quoted(part["type"]?.string ?? "of no type")
  }
}
