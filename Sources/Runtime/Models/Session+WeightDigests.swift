import Lang
import Model

extension Session {
  /// A file of weights, as what is saved or reported names it.
  struct WeightDigest {
    var name: String
    /// Of the file as it was loaded; nil where it was written to since.
    var sha256: String?
  }

  /// The files of a model's weights and their digests: those of the bytes that were read, not of what
  /// is at their paths by now. Warns where these are others.
  ///
  /// - Throws: `Interruption.Stopped`, `Memory.Exhausted`.
  func digests(of model: LanguageModel, at span: SourceSpan? = nil) throws -> [WeightDigest] {
    func warnOf(_ message: String, help: String, at span: SourceSpan?) {
      if let span { return warn(message, help: help, at: span) }
      report(Diagnostic(message, severity: .warning, help: help), in: nil)
    }
    let digests: [String?]
    do {
      digests = try model.weightDigests(memory: DigestFile(environment: host.environment))
      if let replaced = model.replacedFiles.first {
        warnOf(
          "`\(replaced)` was replaced or removed after it was loaded: the numbers and the SHA-256 are of "
            + "the file that was loaded", help: "load it again to use the new one", at: span)
      }
    } catch  where !(error is Interruption.Stopped || error is Memory.Exhausted) {
      digests = model.weightFiles.map { _ in nil }
      let reason = (error as? ModelError)?.message ?? "\(error)"
      warnOf("the weights have no SHA-256: \(reason)", help: "load it again", at: span)
    }
    return zip(model.weightFiles, digests).map { WeightDigest(name: $0.lastPart, sha256: $1) }
  }
}
