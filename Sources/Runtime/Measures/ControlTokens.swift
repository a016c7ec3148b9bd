import Model

/// Tokens to hold R and S against: about as frequent, and in no R or S of a set's prompts.
///
/// The ids of a vocabulary that was merged from pairs are in the order of the merges, which is about
/// that of frequency. So each attribute's control is the token next to it that begins a word, is
/// written with a capital where the attribute is, and is not taken: no draw, and nothing to seed.
struct ControlTokens {
  private let words: Words
  /// By the attributes, which are one array for every prompt of a relation or subject.
  private let controls: [[Int]: [Int]]

  init(_ set: PromptSet) {
    let facts = set.prompts.compactMap(\.fact)
    let attributes = Set(facts.flatMap { [$0.ofRelation.whole, $0.ofSubject.whole] })
    let answers = set.prompts.flatMap { $0.answers.map(\.token) }
    words = Words(set.model, without: Set(attributes.flatMap(\.self) + answers))
    controls = Dictionary(
      uniqueKeysWithValues: attributes.map { [words] in ($0, words.nearest(to: $0)) })
  }

  func tokens(for attributes: [Int]) -> [Int] { controls[attributes] ?? [] }

  /// What every token of a vocabulary is, as a control.
  private struct Words {
    enum Kind { case none, small, capital }

    private let kinds: [Kind]
    private let model: LanguageModel

    init(_ model: LanguageModel, without taken: Set<Int>) {
      self.model = model
      kinds = (0..<model.configuration.vocabulary).map { id in
        taken.contains(id) ? .none : Self.kind(model.tokenizer.text(of: id))
      }
    }

    /// One for each attribute, all different; fewer where the vocabulary has no more.
    func nearest(to attributes: [Int]) -> [Int] {
      var used: Set<Int> = []
      return attributes.compactMap { attribute in
        let kind = Self.kind(model.tokenizer.text(of: attribute))
        let wanted = kind == .none ? .capital : kind
        let found = (1..<kinds.count).lazy.flatMap { [attribute + $0, attribute - $0] }.first {
          kinds.indices.contains($0) && kinds[$0] == wanted && !used.contains($0)
        }
        if let found { used.insert(found) }
        return found
      }
    }

    private static func kind(_ text: String) -> Kind {
      guard text.utf8.count > 2, text.first == " ", let letter = text.dropFirst().first,
        text.dropFirst().allSatisfy(\.isLetter)
      else { return .none }
      return letter.isUppercase ? .capital : .small
    }
  }
}
