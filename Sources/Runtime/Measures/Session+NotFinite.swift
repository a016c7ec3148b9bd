import Lang
import Model

/// Numbers of runs that are infinite or NaN: F32 holds nothing above 3.4 · 10³⁸. They are missing in
/// tables, and a statement warns of them once.
extension Session {
  /// Looks at what a run gave, for the warnings at the end of the command.
  func check(_ result: RunResult, of request: RunRequest, on model: LanguageModel) {
    checkFinite(result, of: request, on: model)
    statement.silentFeatures.add(result.fired, of: request.edits)
  }

  /// Its logits, and where none were asked for, its activations.
  private func checkFinite(_ result: RunResult, of request: RunRequest, on model: LanguageModel) {
    guard statement.notFinite == nil, !statement.warnedOfNotFinite else { return }
    let isFinite =
      result.logits.isEmpty && result.summaries.isEmpty
      ? result.activations.allSatisfy { site, activation in activation.isFinite(at: site) }
      : result.logits.allSatisfy(\.isFinite) && result.summaries.allSatisfy(\.isFinite)
    if !isFinite { noteNotFinite(request, on: model) }
  }

  func noteNotFinite(_ request: RunRequest, on model: LanguageModel) {
    guard statement.notFinite == nil, !statement.warnedOfNotFinite else { return }
    statement.notFinite = StatementRun.NotFinite(request: request, model: model)
  }

  /// Says so at the place of the command whose runs they were, and where they arose.
  func warnOfNotFinite(at span: SourceSpan) {
    guard let found = statement.notFinite else { return }
    statement.notFinite = nil
    statement.warnedOfNotFinite = true
    let origin = (try? origin(of: found)).flatMap { $0 }
    warn(
      "some numbers of the model are infinite or NaN, and missing in the result"
        + (origin.map { ": the first is at \($0)" } ?? ""),
      help: found.request.edits.isEmpty
        ? "F32 holds nothing above 3.4e38: `verify` checks the model"
        : "F32 holds nothing above 3.4e38: edit with smaller factors or vectors", at: span)
  }

  /// The first site whose numbers are not finite, in the order of the computation: one more run, where
  /// memory allows to keep all of them.
  private func origin(of found: StatementRun.NotFinite) throws -> String? {
    let (configuration, request) = (found.model.configuration, found.request)
    let inLayer: [Activation] = [
      .ln1Scale, .attnOut, .residMid, .ln2Scale, .mlpOut, .residPost,
    ]
    let sites =
      [Site(.embed)]
      + (0..<configuration.layers).flatMap { layer in
        inLayer.filter { configuration.lacks($0) == nil }.map { Site($0, layer: layer) }
      } + [Site(.lnFinalScale)]
    let bytes = sites.count * request.tokens.count * configuration.width * 4
    guard bytes < memory / 4 else { return nil }
    var result = RunResult()
    _ = try found.model.transformer.run(
      [
        RunRequest(
          tokens: request.tokens, edits: request.edits,
          captures: Dictionary(uniqueKeysWithValues: sites.map { ($0, .all) }), logits: .none)
      ], memory: memory, progress: { _, _ in }, consume: { result = $1 })
    for site in sites {
      guard let activation = result.activations[site],
        let row = activation.rows.firstIndex(where: { !$0.isFinite })
      else { continue }
      let position = activation.positions[row]
      let token = found.model.tokenizer.text(of: request.tokens[position])
      return "\(site.text), position \(position) (\(quotedText(excerpt(token))))"
    }
    return "the logits"
  }
}

extension Site {
  /// As the language writes it: `L10.mlp_out`.
  fileprivate var text: String {
    activation.isInLayer ? "L\(layer).\(activation.rawValue)" : activation.rawValue
  }
}

extension CapturedActivation {
  /// Whether all are numbers; scores before a window are −∞ by right.
  fileprivate func isFinite(at site: Site) -> Bool {
    if site.activation == .attnScores {
      return rows.allSatisfy { $0.allSatisfy { !$0.isNaN && $0 < .infinity } }
    }
    return rows.allSatisfy(\.isFinite)
  }
}
