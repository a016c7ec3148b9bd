/// The numbers of one architecture in a GGUF file's metadata: keys under `{prefix}.`.
struct GGUFKeys {
  let file: GGUFFile
  let prefix: String

  func int(_ key: String, default fallback: Int? = nil) throws -> Int {
    guard let value = file.metadata["\(prefix).\(key)"] else {
      if let fallback { return fallback }
      throw missing(key)
    }
    guard let int = value.int else { throw mistyped(key, "a whole number") }
    return int
  }

  func double(_ key: String, default fallback: Double? = nil) throws -> Double {
    guard let value = file.metadata["\(prefix).\(key)"] else {
      if let fallback { return fallback }
      throw missing(key)
    }
    guard let double = value.double else { throw mistyped(key, "a number") }
    return double
  }

  /// An error if the key has another value than `harmless`.
  func refuse(_ key: String, unless harmless: Int, because reason: String) throws {
    guard let value = file.metadata["\(prefix).\(key)"]?.int, value != harmless else { return }
    throw ModelError(.file, "\(quoted(file.path)): \(prefix).\(key) is \(value): \(reason)")
  }

  /// An error if the key has another value than `harmless`.
  func refuse(_ key: String, unless harmless: String, because reason: String) throws {
    guard let value = file.metadata["\(prefix).\(key)"]?.string, value != harmless else { return }
    throw ModelError(
      .file,
      "\(quoted(file.path)): \(prefix).\(key) is \(quoted(value)): \(reason), which is not supported"
    )
  }

  func missing(_ key: String) -> ModelError {
    ModelError(
      .file, "\(quoted(file.path)) lacks the key '\(prefix).\(key)'",
      help: "the file is damaged or was converted by something else: fetch it again")
  }

  private func mistyped(_ key: String, _ wanted: String) -> ModelError {
    ModelError(.file, "\(quoted(file.path)): the key '\(prefix).\(key)' is not \(wanted)")
  }
}
