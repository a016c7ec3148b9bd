import Synchronization

extension Tokenizer {
  /// Where work is to end, what is left of the text is passed over: `Interruption.check` comes before
  /// any use of the pieces.
  ///
  /// - Parameter text: UTF-8, valid.
  func encode(valid text: [UInt8], isContinuation: Bool) -> [Piece] {
    var pieces: [Piece] = []
    var merger = WordMerger(rule)
    added.split(original: text) { range in
      let isContinuation = isContinuation && range.lowerBound == 0
      let stretch = normalizer.apply(AlignedText(text[range]), isContinuation: isContinuation)
      added.split(changed: stretch.bytes) { range in
        let part = spacing.apply(stretch[range], isContinuation: isContinuation)
        preTokenizer.split(part.bytes[...], 0..<part.bytes.count) { word in
          if Interruption.requested.load(ordering: .relaxed) { return }
          encode(part, word, &merger) { id, range in
            pieces.append(Piece(id: id, range: part.origin(of: range)))
          }
        }
      } token: { id, range in
        pieces.append(Piece(id: id, range: stretch.origin(of: range)))
      }
    } token: { id, range in
      pieces.append(Piece(id: id, range: range))
    }
    return pieces
  }

  private func encode(
    _ text: AlignedText, _ word: Range<Int>, _ merger: inout WordMerger,
    _ emit: (Int, Range<Int>) -> Void
  ) {
    if ignoresMerges, let id = whole(text.bytes[word]) { return emit(id, word) }
    switch vocabulary.spelling {
    case .byteAlphabet:
      for index in word { append(index..<index + 1, text.bytes, to: &merger) }
      merger.finish(text.bytes, emit)
    case .metaspace:
      var index = word.lowerBound
      while index < word.upperBound {
        let end = min(index + scalar(at: index, in: text.bytes[...]).length, word.upperBound)
        append(index..<end, text.bytes, to: &merger)
        index = end
      }
      finish(text.bytes, &merger, emit)
    }
  }

  /// The token that a word is as it stands.
  private func whole(_ word: ArraySlice<UInt8>) -> Int? {
    switch vocabulary.spelling {
    case .byteAlphabet: vocabulary.id(word.flatMap(ByteAlphabet.utf8))
    case .metaspace: vocabulary.id(word)
    }
  }

  /// Appends the symbol that a byte or a character is before any merge.
  private func append(_ range: Range<Int>, _ text: [UInt8], to merger: inout WordMerger) {
    switch (vocabulary.spelling, rule) {
    case (.byteAlphabet, _):
      let token = byteTokens[Int(text[range.lowerBound])]
      if token >= 0 { merger.append(token, range) } else { appendUnknown(range, to: &merger) }
    case (.metaspace, .scores(let pieces)):
      // Two characters that are not tokens may together be one.
      merger.append(pieces.find(text[range]).map { Int($0.id) } ?? -1, range)
    case (.metaspace, .ranks):
      if let id = vocabulary.id(text[range]) {
        merger.append(id, range)
      } else if range.allSatisfy({ byteTokens[Int(text[$0])] >= 0 }) {
        for index in range { merger.append(byteTokens[Int(text[index])], index..<index + 1) }
      } else {
        appendUnknown(range, to: &merger)
      }
    }
  }

  private func appendUnknown(_ range: Range<Int>, to merger: inout WordMerger) {
    guard let unknown, !(fusesUnknown && merger.extend(unknown, to: range.upperBound)) else {
      return
    }
    merger.append(unknown, range)
  }

  /// Appends what SentencePiece's merges have left, and bytes for what is not a token even then.
  private func finish(
    _ text: [UInt8], _ merger: inout WordMerger, _ emit: (Int, Range<Int>) -> Void
  ) {
    var unknownRange: Range<Int>?
    func emitUnknown() {
      if let unknown, let range = unknownRange { emit(unknown, range) }
      unknownRange = nil
    }
    merger.finish(text) { id, range in
      if id >= 0 {
        emitUnknown()
        emit(id, range)
      } else if range.allSatisfy({ byteTokens[Int(text[$0])] >= 0 }) {
        emitUnknown()
        for index in range { emit(byteTokens[Int(text[index])], index..<index + 1) }
      } else {
        if let before = unknownRange, fusesUnknown {
          unknownRange = before.lowerBound..<range.upperBound
        } else {
          emitUnknown()
          unknownRange = range
        }
      }
    }
    emitUnknown()
  }
}
