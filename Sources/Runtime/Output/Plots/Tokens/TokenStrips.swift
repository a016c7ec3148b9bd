import Lang
import Model

/// Prompts as rows of tokens, each with a number: of every table that has a number for each position.
struct TokenStrips {
  var valueTitle: String
  var strips: [Strip]

  struct Strip {
    /// What tells it apart from the others; empty where it is alone.
    var name: String
    var tokens: [Token]
  }

  struct Token {
    /// As in the prompt, with its spaces; what cannot be seen is written as `\n`.
    var text: String
    var position: Int
    /// NaN where the table has none.
    var value: Double
  }

  static let mostStrips = 200

  /// - Parameter prompts: those that the table was measured on, for tokens that have no row.
  init(_ table: Table, value: String?, prompts: [Prompt]) throws {
    let places = table["source"] ?? table["position"]
    let others = table.columns.filter { $0.kind.isNumeric && $0.name != places?.name }
    let usual = others.last(where: \.kind.isFloating) ?? others.last
    let value = try table.numericColumn(
      value ?? table.measure ?? usual?.name, for: "plot tokens")
    guard let places, places.kind == .integers, places.name != value.name else {
      throw Failure(
        "`plot tokens` needs a column `position` or `source` that counts the tokens",
        help: "the columns are \(enumeration(table.columnNames)); `loss` and "
          + "`dla by source` have one")
    }
    valueTitle = escapedText(value.name)
    let keys = try table.stripKeys(besides: [places.name, value.name], places: places)
    // Of an example only the tokens around it are shown.
    let prompts = table["example"] == nil ? prompts : []
    strips = try table.groups(by: keys).map { rows in
      let names = keys.map { visible($0[rows[0]].title) }
      let labels = zip(keys, names).map { column, name in
        column.kind == .texts ? name : "\(escapedText(column.name)) \(name)"
      }
      return Strip(
        name: labels.joined(separator: " "),
        tokens: try table.tokens(rows, places: places, value: value, prompts: prompts))
    }
  }

  /// The finite values of all tokens.
  var finite: [Double] { strips.flatMap { $0.tokens.map(\.value) }.filter(\.isFinite) }

  var extent: SharedScale { SharedScale(y: finite) }
}

extension Table {
  /// What tells the strips apart: texts, then integers, as long as each tells more rows apart.
  fileprivate func stripKeys(besides names: [String], places: Column) throws -> [Column] {
    let others = columns.filter {
      !$0.kind.isFloating && !names.contains($0.name)
        && !["token", "token_id", "span", "rank"].contains($0.name)
    }
    let first = others.filter { $0.name == "prompt" }
    let texts = others.filter { $0.kind == .texts && $0.name != "prompt" }
    let numbers = others.filter { $0.kind != .texts }
    // Examples that do not overlap are apart all the same.
    var keys = ["component", "element", "example"].compactMap { name in
      self["example"] == nil ? nil : others.first { $0.name == name }
    }
    var told = try groups(by: keys + [places]).count
    for column in first + texts + numbers where told < rowCount {
      let count = try groups(by: keys + [places, column]).count
      guard count > told else { continue }
      keys.append(column)
      told = count
    }
    guard told == rowCount else {
      throw Failure(
        "`plot tokens` finds several rows for one token, and no column that tells them apart",
        help: "keep some with `where`, or `group by \(places.name) mean VALUE`")
    }
    return keys
  }

  fileprivate func tokens(
    _ rows: [Int], places: Column, value: Column, prompts: [Prompt]
  ) throws -> [TokenStrips.Token] {
    let known = try gathered(rows).onePrompt(of: prompts)
    var tokens = (known?.tokens.indices.map { $0 } ?? []).map { position in
      TokenStrips.Token(
        text: escapedText(known?.tokenText(position) ?? ""), position: position, value: .nan)
    }
    for row in rows {
      guard let place = places.values.number(row), let position = Int(exactly: place) else {
        continue
      }
      let number = value.values.number(row) ?? .nan
      if tokens.indices.contains(position), known != nil {
        tokens[position].value = number
      } else {
        let text = self["token"].map { escapedText($0[row].title) } ?? "\(position)"
        tokens.append(TokenStrips.Token(text: text, position: position, value: number))
      }
    }
    return tokens.sorted { $0.position < $1.position }
  }

  /// The one prompt that all rows are of, if it is known.
  func onePrompt(of prompts: [Prompt]) throws -> Prompt? {
    var named = prompts
    if rowCount > 0, let names = self["prompt"] {
      let name = names[0].description
      guard (0..<rowCount).allSatisfy({ names[$0].description == name }) else { return nil }
      named = prompts.filter { $0.name == name }
    }
    guard let first = named.first, named.allSatisfy({ $0.tokens == first.tokens }) else {
      return nil
    }
    return first
  }
}

/// On a terminal: tokens on the colour of their number; without colour a sign under each of them
/// grows heavier.
func tokensText(_ plotted: TokenStrips, _ settings: RenderSettings, scale: SharedScale? = nil)
  -> String
{
  let ends = plotted.finite + (scale?.y?.ends ?? [])
  let limit = ends.map(\.magnitude).max() ?? 0
  let marks = Marks(unicode: settings.unicode)
  let shown = shownRows(of: plotted.strips.count, at: settings.maximumRows.map { max(1, $0 / 2) })
  var text = ""
  for strip in plotted.strips.prefix(shown) {
    if !strip.name.isEmpty {
      text += Style.heading.paint(strip.name, colour: settings.colour) + "\n"
    }
    text += StripLines(strip, limit: limit, settings).text
  }
  let scaleGrid = PlotGrid(
    rowTitle: "", rowLabels: [""], columnTitle: "",
    columnLabels: [String](
      repeating: "", count: ends.count), valueTitle: plotted.valueTitle, values: [ends])
  if scale == nil, !ends.isEmpty { text += "\n" + Heatmap(scaleGrid, settings).legendText }
  let notes = rowNotes(plotted.strips.count - shown, marks).map {
    $0.replacing("more row", with: "more strip")
  }
  return text + plotNotes(notes, settings)
}

/// A strip broken into lines.
private struct StripLines {
  private(set) var text = ""
  private let settings: RenderSettings
  private var line = ""
  private var signs = ""
  private var used = 0

  init(_ strip: TokenStrips.Strip, limit: Double, _ settings: RenderSettings) {
    self.settings = settings
    let width = max(1, settings.width ?? defaultPlotWidth)
    for token in strip.tokens {
      // Cut rather than wider than the terminal; a token without colour needs room for its sign.
      let whole = token.text.isEmpty ? " " : token.text
      let shown = whole.cut(to: width, mark: Marks(unicode: settings.unicode).ellipsis)
      let size = displayWidth(of: shown)
      if used > 0, used + size > width { breakLine() }
      let share =
        limit == 0 ? 0 : token.value.isFinite ? token.value / limit : token.value > 0 ? 1 : -1
      add(shown, size, share: token.value.isNaN ? nil : share)
    }
    breakLine()
  }

  private mutating func add(_ token: String, _ size: Int, share: Double?) {
    used += size
    guard settings.colour else {
      line += token
      let sign = share.map { ColourScale.sign($0, unicode: settings.unicode) } ?? " "
      // A space before the token belongs to it, and its sign stands below the letters.
      let lead = min(token.prefix { $0 == " " }.count, max(0, size - 1))
      signs += String(repeating: " ", count: lead) + String(repeating: sign, count: size - lead)
      return
    }
    guard let share else {
      line += Style.faint.paint(token, colour: true)
      return
    }
    let colour = ColourScale.colour(share)
    let foreground = colour.isLight ? "38;5;16" : "38;5;231"
    line +=
      "\u{1B}[\(foreground);\(colour.background(trueColour: settings.trueColour))m\(token)\u{1B}[0m"
  }

  private mutating func breakLine() {
    guard used > 0 else { return }
    text += (settings.colour ? line : line.trimmingEnd()) + "\n"
    if !settings.colour { text += signs.trimmingEnd() + "\n" }
    (line, signs, used) = ("", "", 0)
  }
}
