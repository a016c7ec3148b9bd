import Model

// Groups of columns that several measures have.

/// Which prompt a row is of: `prompt` where there are several, and `relation` where they are facts
/// that have one.
struct PromptColumns {
  private let name: TableBuilder.Key<String>?
  private let relation: TableBuilder.Key<String>?
  private let isDivided: Bool

  init(_ set: PromptSet, in table: inout TableBuilder) {
    isDivided = set.shard != nil
    name = set.prompts.count > 1 ? table.texts("prompt") : nil
    let hasRelation = set.prompts.contains { $0.fact?.relation != nil }
    relation = hasRelation ? table.texts("relation") : nil
  }

  func set(_ prompt: Prompt, in table: inout TableBuilder) {
    if let name { table[name] = prompt.name }
    if let relation { table[relation] = prompt.fact?.relation }
    if isDivided { table.setUnit(prompt.unit) }
  }

  /// Of the last rows, which are all of one prompt.
  func fill(_ prompt: Prompt, _ count: Int, in table: inout TableBuilder) {
    table.fill(name, prompt.name, count: count)
    table.fill(relation, prompt.fact?.relation, count: count)
  }
}

/// component, layer, head, position; of edges component, writer, reader, position; of states from elsewhere
/// source and source_layer too
struct PlaceColumns {
  private let component: TableBuilder.Key<String>
  private let layer: TableBuilder.Key<Int>?
  private let head: TableBuilder.Key<Int>?
  private let writer: TableBuilder.Key<String>?
  private let reader: TableBuilder.Key<String>?
  private let source: TableBuilder.Key<String>?
  private let sourceLayer: TableBuilder.Key<Int>?
  private let position: TableBuilder.Key<Int>?

  init(
    in table: inout TableBuilder, hasHead: Bool = true, hasPosition: Bool = true,
    areEdges: Bool = false, haveSources: Bool = false
  ) {
    component = table.texts("component")
    layer = areEdges ? nil : table.integers("layer")
    head = hasHead && !areEdges ? table.integers("head") : nil
    writer = areEdges ? table.texts("writer") : nil
    reader = areEdges ? table.texts("reader") : nil
    position = hasPosition ? table.integers("position") : nil
    source = haveSources ? table.texts("source") : nil
    sourceLayer = haveSources ? table.integers("source_layer") : nil
  }

  func set(_ place: Place, _ position: Int?, in table: inout TableBuilder) {
    table[component] = place.label
    table[layer] = place.layer
    table[head] = place.head
    table[writer] = place.writer
    table[reader] = place.reader
    table[self.position] = position
    table[source] = place.source?.label
    table[sourceLayer] = place.source?.layer
  }

  /// Of the last rows, which are of edges.
  func fill(_ edges: EdgeCells, in table: inout TableBuilder) {
    table.fill(component, edges.components)
    table.fill(writer, edges.writers)
    table.fill(reader, edges.readers)
    table.fill(position, edges.positions)
  }
}

/// The cells of many edges.
struct EdgeCells {
  var components: [String?] = []
  var writers: [String?] = []
  var readers: [String?] = []
  /// Of each; looked at where positions are swept.
  var positions: [Int?] = []
}

/// Which run a row is of, and where it was read: the columns of the prompt, those of the position, and
/// what the sweep changed.
struct CaseColumns {
  /// Nil where a row is of all prompts.
  private let prompt: PromptColumns?
  private let reading: ReadingColumns
  private let place: PlaceColumns?

  init(
    _ set: PromptSet, _ readings: Readings?, isMean: Bool = false, in table: inout TableBuilder
  ) {
    prompt = isMean ? nil : PromptColumns(set, in: &table)
    reading = ReadingColumns(readings, in: &table)
    place = set.sweep.map { sweep in
      PlaceColumns(
        in: &table, hasHead: !sweep.isOfEdges && sweep.targets.contains { $0.place.head != nil },
        hasPosition: !sweep.isKnockout && !sweep.kinds.isEmpty, areEdges: sweep.isOfEdges,
        haveSources: !sweep.targets.sources.isEmpty)
    }
  }

  /// - Parameter reading: nil for a row that is of several.
  func set(_ item: Case, _ reading: Reading?, in table: inout TableBuilder) {
    set(item.prompt, reading, in: &table)
    guard let variant = item.variant else { return }
    set(variant.place, variant.position, unit: item.unit, in: &table)
  }

  func set(_ prompt: Prompt, _ reading: Reading?, in table: inout TableBuilder) {
    self.prompt?.set(prompt, in: &table)
    if let reading { self.reading.set(reading, in: &table) }
  }

  func set(_ place: Place, _ position: Int?, unit: Int?, in table: inout TableBuilder) {
    if let unit { table.setUnit(unit) }
    self.place?.set(place, position, in: &table)
  }

  /// Of the last rows: edges of one prompt.
  ///
  /// - Parameters:
  ///   - readings: of each row.
  ///   - units: of each row, where they are not the prompt's.
  func fill(
    _ prompt: Prompt, _ edges: EdgeCells, _ readings: [Reading?], units: [Int],
    in table: inout TableBuilder
  ) {
    self.prompt?.fill(prompt, readings.count, in: &table)
    reading.fill(readings, in: &table)
    fill(edges, in: &table)
    if !units.isEmpty {
      table.setUnits(units)
    } else if let unit = prompt.unit {
      table.setUnits([Int](repeating: unit, count: readings.count))
    }
  }

  /// Of the last rows, which are of all prompts.
  func fill(_ edges: EdgeCells, in table: inout TableBuilder) { place?.fill(edges, in: &table) }
}

/// token_id, token
struct TokenColumns {
  private let id: TableBuilder.Key<Int>
  private let text: TableBuilder.Key<String>
  private let texts = TokenTexts()

  init(in table: inout TableBuilder) {
    id = table.integers("token_id")
    text = table.texts("token")
  }

  func set(_ token: Int, of tokenizer: Tokenizer, in table: inout TableBuilder) {
    table[id] = token
    table[text] = texts.text(of: token, tokenizer)
  }

  /// What has no token of its own: several, or an answer of several tokens.
  func set(_ text: String?, in table: inout TableBuilder) { table[self.text] = text }
}

/// The texts of a table's tokens, each made once: many rows have the same. All are of one tokenizer.
private final class TokenTexts {
  private var texts: [Int: String] = [:]

  func text(of token: Int, _ tokenizer: Tokenizer) -> String {
    if let known = texts[token] { return known }
    let text = tokenizer.text(of: token)
    texts[token] = text
    return text
  }
}

/// rank, token_id, token, logit, prob, logprob
struct DistributionColumns {
  private let rank: TableBuilder.Key<Int>
  private let token: TokenColumns
  private let logit: TableBuilder.Key<Float>
  private let prob: TableBuilder.Key<Double>
  private let logprob: TableBuilder.Key<Double>

  /// Of a table of several prompts with a sweep: integers and texts take 16 each.
  static let bytesPerRow = 9 * 16 + 4 + 2 * 8

  init(in table: inout TableBuilder) {
    rank = table.integers("rank")
    token = TokenColumns(in: &table)
    logit = table.singles("logit")
    prob = table.doubles("prob")
    logprob = table.doubles("logprob")
  }

  func set(
    _ found: LogitSummary.Token, of summary: LogitSummary, _ tokenizer: Tokenizer,
    in table: inout TableBuilder
  ) {
    table[rank] = found.rank
    token.set(found.id, of: tokenizer, in: &table)
    table[logit] = found.finiteLogit
    table[prob] = summary.probability(ofLogit: found.logit)
    table[logprob] = summary.logProbability(ofLogit: found.logit)
  }

  /// The answers of a prompt together: see `Score`.
  func set(_ prompt: Prompt, _ values: AnswerValues, in table: inout TableBuilder) {
    table[rank] = values.rank
    if prompt.answers.count == 1, prompt.answers[0].tokens.count == 1 {
      token.set(prompt.answers[0].token, of: prompt.model.tokenizer, in: &table)
    } else {
      token.set(prompt.answerText, in: &table)
    }
    (table[logit], table[prob], table[logprob]) = (values.logit, values.prob, values.logprob)
  }
}
