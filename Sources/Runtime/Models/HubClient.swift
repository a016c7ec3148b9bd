/// What the hub is asked, and what its refusals mean.
struct HubClient {
  let curl: Curl
  let endpoint: String
  let token: String?
  /// Without its file.
  let reference: HubReference
  let progress: FetchProgress

  init(_ reference: HubReference, settings: HubSettings, progress: FetchProgress) throws {
    curl = Curl(environment: settings.environment)
    endpoint = try settings.endpoint()
    token = try settings.token()
    self.reference = reference
    self.progress = progress
  }

  /// A repository at one commit.
  struct Listing {
    var commit: String
    var files: [String: File]
  }

  struct File {
    var bytes: Int?
    /// Of a large file.
    var sha256: String?
    /// Of a small file: the SHA-1 that git names it by.
    var gitDigest: String?

    /// The name of the blob.
    var digest: String? { sha256 ?? gitDigest }
  }

  private var name: String { reference.repository }
  private var revision: String { reference.revision ?? "main" }

  // MARK: Requests

  /// The repository's files, with their sizes and digests.
  func listing() throws -> Listing {
    let url =
      "\(endpoint)/api/models/\(name)/revision/\(Self.escaped(revision, slash: false))?blobs=true"
    let (response, _) = try following(Curl.Request(url: url))
    guard response.status == 200 else { throw refusal(response) }
    guard let json = try? JSONParser.parse(response.body[...]), let commit = json["sha"]?.string,
      HubCache.isCommit(commit), let siblings = json["siblings"]?.array
    else {
      throw Failure(
        "`\(endpoint)` does not answer as the hub does", help: Self.endpointHelp,
        status: .unreadable)
    }
    var files: [String: File] = [:]
    for sibling in siblings {
      guard let name = sibling["rfilename"]?.string, HubReference.isRelativePath(name) else {
        continue
      }
      let lfs = sibling["lfs"]
      let sha256 = (lfs?["sha256"]?.string).flatMap { Self.isDigest($0, 64) ? $0 : nil }
      // Of a large file it is the digest of what git has in its place.
      let blob = lfs?.members == nil ? sibling["blobId"]?.string : nil
      files[name] = File(
        bytes: Self.count(lfs?["size"]) ?? Self.count(sibling["size"]), sha256: sha256,
        gitDigest: blob.flatMap { Self.isDigest($0, 40) ? $0 : nil })
    }
    return Listing(commit: commit, files: files)
  }

  /// Where a file's bytes are, and what it is known by.
  struct Place {
    var url: String
    /// Whether the hub itself has them: only there the token is shown.
    var isOwn: Bool
    var file: File
  }

  func place(of file: String, at commit: String) throws -> Place {
    let url = "\(endpoint)/\(name)/resolve/\(commit)/\(Self.escaped(file, slash: true))"
    let (response, last) = try following(Curl.Request(url: url, isHead: true))
    guard response.status == 200 || response.isRedirect else {
      throw refusal(response, file: file)
    }
    let etag = (response.headers["x-linked-etag"] ?? response.headers["etag"]).map(Self.digest)
    let length =
      response.headers["x-linked-size"]
      ?? (response.isRedirect ? nil : response.headers["content-length"])
    return Place(
      url: try response.isRedirect ? target(of: response, from: last) : last,
      isOwn: !response.isRedirect,
      file: File(
        bytes: length.flatMap { Int($0) },
        sha256: etag.flatMap { Self.isDigest($0, 64) ? $0 : nil },
        gitDigest: etag.flatMap { Self.isDigest($0, 40) ? $0 : nil }))
  }

  /// Follows redirects within the hub, with the token; one that leads away is the last answer.
  private func following(_ first: Curl.Request) throws -> (response: Curl.Response, url: String) {
    var request = first
    request.token = token
    for _ in 0..<10 {
      let response = try reaching { try curl.send(request) { try progress.tick() } }
      guard response.isRedirect, response.headers["location"] != nil else {
        return (response, request.url)
      }
      let next = try target(of: response, from: request.url)
      guard Self.origin(next) == Self.origin(request.url) else { return (response, request.url) }
      request.url = next
    }
    throw Failure(
      "`\(endpoint)` redirects in a circle", help: Self.endpointHelp, status: .unreadable)
  }

  private func target(of response: Curl.Response, from url: String) throws -> String {
    let location = response.headers["location"] ?? ""
    if location.hasPrefix("/"), !location.hasPrefix("//") { return Self.origin(url) + location }
    // Nothing that was asked for in secret goes on in the open.
    if location.hasPrefix("https://") || (location.hasPrefix("http://") && url.hasPrefix("http:")) {
      return location
    }
    throw Failure(
      "`\(Self.origin(url))` redirects to an invalid address", status: .unreadable)
  }

  /// `https://huggingface.co:443`: what a token is meant for.
  static func origin(_ url: String) -> String {
    let scheme = url.prefix { $0 != ":" }
    let host = url.dropFirst(scheme.count + 3).prefix { !"/?#".contains($0) }
    return "\(scheme)://\(host)".lowercased()
  }

  // MARK: Texts

  private static func digest(_ etag: String) -> String {
    let text = etag.hasPrefix("W/") ? etag.dropFirst(2) : etag[...]
    return text.filter { $0 != "\"" }
  }

  static func isDigest(_ text: String, _ length: Int) -> Bool {
    text.utf8.count == length && text.utf8.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
  }

  private static func count(_ value: JSONValue?) -> Int? {
    if case .integer(let count)? = value, count >= 0 { count } else { nil }
  }

  private static func escaped(_ text: String, slash: Bool) -> String {
    text.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
        UInt8(ascii: "."), UInt8(ascii: "~"):
        return String(Unicode.Scalar(byte))
      case UInt8(ascii: "/") where slash: return "/"
      default: return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }.joined()
  }

  // MARK: Refusals

  private static let endpointHelp =
    "HF_ENDPOINT names the hub or a mirror of it, https://huggingface.co where it is not set"

  /// An answer that is not what was asked for.
  func refusal(_ response: Curl.Response, file: String? = nil) -> Failure {
    func failure(_ message: String, _ help: String) -> Failure {
      Failure(message, help: help, status: .unreadable)
    }
    let own = Self.origin(endpoint)
    switch (response.status, response.errorCode) {
    case (_, "GatedRepo"):
      return failure(
        "'\(name)' is available only to users who accept its owners' conditions",
        token == nil
          ? "accept them at \(endpoint)/\(name), and set HF_TOKEN to your token"
          : "accept them at \(endpoint)/\(name) with the account of the token in use")
    case (_, "RevisionNotFound"):
      return failure("'\(name)' has no revision '\(revision)'", "look at \(endpoint)/\(name)")
    case (404, "EntryNotFound") where file != nil:
      return failure(
        "'\(name)' has no file '\(file ?? "")' any more", "load it again for the newest commit")
    case (401, _) where token != nil && response.errorCode == nil:
      return failure(
        "\(own) does not accept the token in HF_TOKEN or in the token's file",
        "set HF_TOKEN to your token, or remove a wrong one")
    case (401, _), (403, _), (404, _):
      return failure(
        "there is no file or folder '\(name)', and no model of that name at \(own)",
        token == nil
          ? "is the name right? A private model needs HF_TOKEN"
          : "is the name right, and does the token in use give access to it?")
    case (300..<400, _):
      let target = (try? self.target(of: response, from: endpoint)).map(Self.origin)
      return failure(
        "\(own) redirects requests to \(target ?? "somewhere else")",
        "set HF_ENDPOINT to the address that answers directly")
    case (429, _):
      return failure("\(own) received too many requests", "wait a little and load it again")
    default:
      return failure(
        "\(own) answered with status \(response.status)",
        "try again later; what was fetched is kept")
    }
  }

  /// What curl could not do, in words about the hub.
  func reaching<T>(_ body: () throws -> T) throws -> T {
    do { return try body() } catch let trouble as Curl.Trouble { throw failure(trouble) }
  }

  func failure(_ trouble: Curl.Trouble) -> Failure {
    if trouble.isNoWay {
      return Failure(
        "'\(name)' is not on this machine, and \(Self.origin(endpoint)) cannot be reached: "
          + trouble.message,
        help: "is there a network? `models` lists what is here; HF_ENDPOINT names a mirror, and a "
          + "model that was copied here is loaded by its path",
        status: .unreadable)
    }
    return Failure(
      "'\(name)' could not be fetched from \(Self.origin(endpoint)): \(trouble.message)",
      help: "load it again: what was fetched is kept", status: .unreadable)
  }
}
