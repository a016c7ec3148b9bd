/// Where the hub is and what it may be asked, by the environment variables of `huggingface_hub`.
struct HubSettings {
  /// The variables that are read, some by the names that they had before.
  static let variables = [
    "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "HOME", "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_DISABLE_IMPLICIT_TOKEN", "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE", "HF_ENDPOINT",
  ]

  let environment: [String: String]

  /// An empty variable is one that is not set.
  private subscript(_ names: String...) -> String? {
    names.lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
  }

  private func isSet(_ names: String...) -> Bool {
    guard let value = names.lazy.compactMap({ self[$0] }).first else { return false }
    return ["1", "ON", "YES", "TRUE"].contains(value.uppercased())
  }

  private func expanded(_ path: String) -> String {
    path.expandingHome(self["HOME"] ?? "")
  }

  /// The folder for caches of all programs.
  var caches: String {
    self["XDG_CACHE_HOME"].map(expanded) ?? (self["HOME"] ?? ".") + "/.cache"
  }

  private var home: String { self["HF_HOME"].map(expanded) ?? caches + "/huggingface" }

  /// The folder of the models that were fetched from the hub.
  var cache: String {
    self["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"].map(expanded) ?? home + "/hub"
  }

  /// Whether nothing at all may be asked of any network.
  var isOffline: Bool { isSet("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE") }

  /// Where the hub, or a mirror of it, is: without a slash at the end.
  func endpoint() throws -> String {
    guard let endpoint = self["HF_ENDPOINT"] else { return "https://huggingface.co" }
    guard endpoint.hasPrefix("https://") || endpoint.hasPrefix("http://") else {
      throw Failure(
        "HF_ENDPOINT is not an address: \(jsonString(endpoint))",
        help: "it begins with https://, or is not set", status: .unreadable)
    }
    return endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint
  }

  /// What shows the hub who asks; nil for nobody.
  func token() throws -> String? {
    if isSet("HF_HUB_DISABLE_IMPLICIT_TOKEN") { return nil }
    let file = self["HF_TOKEN_PATH"].map(expanded) ?? home + "/token"
    let (text, origin) =
      self["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"].map { ($0, "HF_TOKEN") }
      ?? ((try? readBytes(path: file)).map { String(decoding: $0, as: UTF8.self) } ?? "", file)
    let space: Set<Unicode.Scalar> = [" ", "\t", "\r", "\n"]
    let token = String(
      text.unicodeScalars.drop { space.contains($0) }.reversed().drop { space.contains($0) }
        .reversed().map(Character.init))
    if token.isEmpty { return nil }
    guard token.utf8.count <= 1024, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw Failure(
        "what `\(origin)` holds is not a token of the hub", help: "it is one word: hf_…",
        status: .unreadable)
    }
    return token
  }
}
