import Model

/// Holds a model against all that can be known of it.
struct Verifier {
  /// What one check found.
  struct Finding {
    var check: String
    var result: String
    /// The largest that was found; NaN where the check has none.
    var gap = Double.nan
    var tolerance = Double.nan
    /// Nil where there is nothing to hold the model against.
    var isOK: Bool?
  }

  private let model: LanguageModel
  private let session: Session
  private var transformer: Transformer { model.transformer }

  init(_ model: LanguageModel, in session: Session) {
    self.model = model
    self.session = session
  }

  func findings() throws -> [Finding] {
    let found = try session.statement.runner.compute {
      try [
        check("checksum", checksum), check("configuration", configuration),
        check("weights", weights), check("tokenizer", tokenizer),
        check("naive run", naiveRun), check("f64 run", doubleRun), check("sum check", sumCheck),
        check("recorded logits", recordedLogits),
      ]
    }
    if let found { return found }
    // All that a plan can foresee are runs.
    for request in [shortRequest()] + VerificationTexts.prompts.map({ sumRequest($0).0 }) {
      _ = try run(request)
    }
    return []
  }

  /// What goes wrong in a check is what it found.
  private func check(_ name: String, _ body: (inout Finding) throws -> Void) throws -> Finding {
    var finding = Finding(check: name, result: "")
    defer { session.host.finishProgress() }
    do {
      try body(&finding)
    } catch let error as ModelError {
      finding.result = error.message
      finding.isOK = false
    } catch let failure as Failure {
      finding.result = failure.message
      finding.isOK = false
    }
    return finding
  }

  // MARK: - The file

  private func checksum(_ finding: inout Finding) throws {
    try model.checkUnchanged()
    if let replaced = model.replacedFiles.first {
      finding.result = "`\(replaced)` was replaced or removed after it was loaded"
      finding.isOK = false
      return
    }
    let published = model.weightFiles.map(KnownDigest.of)
    let known = published.count { $0 != nil }
    guard known > 0 else {
      finding.result = "no SHA-256 is known for this file"
      return
    }
    let progress = FetchProgress(host: session.host, label: session.name(of: model))
    let digests = try model.weightDigests {
      try progress.update(bytes: $0, of: model.fileSize, doing: "checking")
    }
    for (file, (published, digest)) in zip(model.weightFiles, zip(published, digests))
    where published != nil && published != digest {
      finding.result = "`\(file)` is not the file that it was published as"
      finding.isOK = false
      return
    }
    finding.result = "SHA-256 as published" + (known > 1 ? ", \(known) files" : "")
    finding.isOK = true
  }

  /// Keys that nobody knows may be harmless or may change every number.
  private func configuration(_ finding: inout Finding) {
    let isKnown = model.unknownKeys.isEmpty
    finding.result =
      isKnown
      ? "every key is read or harmless"
      : "unknown and ignored: " + model.unknownKeysText
    if model.hasOwnHead { finding.result += "; the file's own unembedding is used" }
    finding.isOK = isKnown ? true : nil
  }

  private func weights(_ finding: inout Finding) throws {
    let count = try transformer.readWeights { progress($0, $1, "weights") }
    finding.result = "\(thousands(count)) weights are numbers"
    finding.isOK = true
  }

  private func tokenizer(_ finding: inout Finding) throws {
    let texts = VerificationTexts.lines
    var (same, changes): (Int, [String]) = (0, [])
    for text in texts {
      switch model.tokenizer.roundTrip(text) {
      case .same: same += 1
      case .changed(let how): if !changes.contains(how) { changes.append(how) }
      case .broken(let decoded):
        finding.result = "\(quotedText(text)) comes back as \(quotedText(decoded))"
        finding.isOK = false
        return
      }
    }
    finding.result = "\(same) of \(texts.count) texts come back"
    if !changes.isEmpty {
      finding.result += "; the others change as expected: " + changes.joined(separator: ", ")
    }
    finding.isOK = true
  }

  // MARK: - Runs

  private func naiveRun(_ finding: inout Finding) throws {
    let request = shortRequest()
    let plain = try transformer.runNaively([request])[0].logits
    let fast = try run(request).logits
    finding.gap = Self.gap(fast.joined().map(Double.init), plain.joined().map(Double.init))
    finding.tolerance = 0
    finding.result = "the same bits at \(plain.count) positions"
    finding.isOK = Self.isSame(fast, plain)
    if finding.isOK != true { finding.result = "the fast run and the plain one differ" }
  }

  /// Single precision errs by about 1e-5 on logits that spread by 1; a formula that is slightly
  /// wrong, such as another GELU, by 3e-4.
  private func doubleRun(_ finding: inout Finding) throws {
    let request = shortRequest()
    let exact = try DoubleRun(path: model.path, pool: session.pool)
      .logits(of: request.tokens) { progress($0, $1, "f64 run") }
    let found = try run(request).logits
    finding.gap = zip(found, exact).reduce(0) {
      Self.larger($0, Self.gap($1.0.map(Double.init), $1.1))
    }
    finding.tolerance = 1e-4 * max(1, exact.map(Self.spread).max() ?? 1)
    finding.result = "\(exact.count) positions, \(thousands(exact.first?.count ?? 0)) logits each"
    finding.isOK = finding.gap <= finding.tolerance
  }

  private func sumCheck(_ finding: inout Finding) throws {
    finding.gap = 0
    finding.tolerance = 0
    for text in VerificationTexts.prompts {
      let (request, attributor) = sumRequest(text)
      let result = try run(request)
      let token = Distribution(result.logits[0]).largest(1)[0]
      let attribution = attributor.attribute(
        result, try transformer.direction(of: .token(token)),
        logit: Double(result.logits[0][token]))
      // Rounding is that of the largest part, which may be far larger than the logit.
      let largest = attribution.parts.reduce(1) { max($0, abs(Double($1.value))) }
      finding.gap = Self.larger(finding.gap, abs(attribution.gap))
      finding.tolerance = max(finding.tolerance, 1e-5 * largest)
    }
    finding.result = "\(VerificationTexts.prompts.count) prompts, the likeliest token of each"
    finding.isOK = finding.gap <= finding.tolerance
  }

  private func recordedLogits(_ finding: inout Finding) throws {
    let records = RecordedLogits.of(file: model.weightsPath, bytes: model.fileSize)
    guard !records.isEmpty else {
      finding.result = "none are recorded for this file"
      return
    }
    finding.gap = 0
    finding.tolerance = 2e-4
    for record in records {
      let last = record.tokens.count - 1
      let logits = try run(RunRequest(tokens: record.tokens, logits: .all([last]))).logits[0]
      for (token, logit) in record.largest where logits.indices.contains(token) {
        finding.gap = Self.larger(finding.gap, abs(Double(logits[token]) - logit))
      }
    }
    let count = records.reduce(0) { $0 + $1.largest.count }
    finding.result = "\(count) logits of \(records.count) prompts, from another implementation"
    finding.isOK = finding.gap <= finding.tolerance
  }

  // MARK: - Parts

  private func tokens(_ text: String, most: Int) -> [Int] {
    let tokens = model.encode(text, addsBOS: session.addsBOS(model))
    return Array(tokens.prefix(min(most, model.configuration.context)))
  }

  /// A few tokens, and the logits at all of them.
  private func shortRequest() -> RunRequest {
    let tokens = tokens(VerificationTexts.prompts[0], most: 6)
    return RunRequest(tokens: tokens, logits: .all(Array(tokens.indices)))
  }

  private func sumRequest(_ text: String) -> (RunRequest, Attributor) {
    let tokens = tokens(text, most: 24)
    let attributor = Attributor(transformer, at: tokens.count - 1, edits: [], bySource: false)
    return (
      RunRequest(
        tokens: tokens, captures: attributor.captures, logits: .all([tokens.count - 1]),
        isUncapped: true),
      attributor
    )
  }

  private func run(_ request: RunRequest) throws -> RunResult {
    // What is kept is not what is verified.
    let store = session.store
    session.store = nil
    defer { session.store = store }
    var runs = try session.statement.runner.runs(
      of: [request], on: model, label: "verify", share: RunShare(count: 1, of: 1), in: session)
    var result = RunResult()
    while let (_, found) = try runs.next() { result = found }
    return result
  }

  private func progress(_ done: Int, _ total: Int, _ what: String) {
    session.host.progress(done: done, total: total, label: what)
  }

  /// Whether all numbers are equal, or both NaN.
  private static func isSame(_ a: [[Float]], _ b: [[Float]]) -> Bool {
    let (a, b) = (a.joined(), b.joined())
    return a.count == b.count && zip(a, b).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) }
  }

  /// The largest gap; NaN where a number is none.
  private static func gap(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { larger($0, abs($1.0 - $1.1)) }
  }

  private static func larger(_ a: Double, _ b: Double) -> Double {
    a.isNaN || b.isNaN ? .nan : max(a, b)
  }

  /// The standard deviation.
  private static func spread(_ x: [Double]) -> Double {
    let mean = x.reduce(0, +) / Double(x.count)
    return (x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)).squareRoot()
  }
}
