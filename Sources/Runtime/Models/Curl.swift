/// Requests through the program `curl`: FoundationNetworking would bring all of Foundation and its
/// tables into a program that hardly ever goes online, and into each of its starts.
struct Curl {
  let environment: [String: String]

  struct Request {
    var url: String
    /// Sent to this address and to no other: redirects are the caller's affair.
    var token: String?
    var isHead = false
    /// Takes the answer's body as it comes, from some byte on, instead of keeping it in memory.
    var stream: (offset: Int, consume: (ArraySlice<UInt8>) throws -> Void)?
    /// Followed without a token only.
    var followsRedirects = false
  }

  struct Response {
    var status: Int
    /// Names in lower case. None of an answer that was streamed.
    var headers: [String: String]
    var body: [UInt8]

    /// What the hub calls an error: `GatedRepo`, `EntryNotFound`.
    var errorCode: String? { headers["x-error-code"] }
    var isRedirect: Bool { (300..<400).contains(status) }
  }

  /// There was no whole answer.
  struct Trouble: Error {
    /// curl's own number.
    var code: Int32
    /// In curl's words.
    var message: String

    static let cannotResume: Int32 = 33
    /// Whether another attempt may succeed: cut off, timed out, reset, the server in trouble.
    var isPassing: Bool { [5, 6, 7, 16, 18, 22, 28, 33, 35, 52, 55, 56, 92].contains(code) }
    /// Whether there is no way to the server at all.
    var isNoWay: Bool { [5, 6, 7, 28].contains(code) }
  }

  /// Answers of any status; `Trouble` where none came.
  func send(_ request: Request, tick: () throws -> Void) throws -> Response {
    let outcome: Subprocess.Outcome
    do {
      outcome = try Subprocess(
        program: "curl", arguments: ["--disable", "--config", "-"], environment: environment,
        input: Array(Self.configuration(request).utf8), consume: request.stream?.consume
      ).run(tick: tick)
    } catch let error as Child.NotStarted {
      throw Failure(
        "models are fetched with `curl`, which cannot be started: \(error.reason)",
        help: "install it: apt-get install curl", status: .unreadable)
    }
    // Ctrl-C went to curl too.
    try tick()
    let response =
      request.stream == nil ? Self.response(outcome.output) : Self.status(in: outcome.messages)
    // 22: the answer was an error; its headers say all that is needed.
    guard outcome.status == 0 || (outcome.status == 22 && response != nil), let response else {
      throw Trouble(code: outcome.status, message: Self.reason(of: outcome))
    }
    return response
  }

  static func configuration(_ request: Request) -> String {
    var lines = [
      "silent", "show-error", "no-buffer", "globoff", "suppress-connect-headers",
      "connect-timeout = 20", "speed-limit = 1", "speed-time = 60", "url = \(quoted(request.url))",
      "user-agent = \"summand/\(Version.current)\"",
    ]
    // What begins in secret does not go on in the open.
    let schemes = request.url.hasPrefix("https:") ? "=https" : "=http,https"
    lines += ["proto = \"\(schemes)\"", "proto-redir = \"\(schemes)\""]
    if let token = request.token {
      lines.append("header = \(quoted("Authorization: Bearer \(token)"))")
    } else if request.followsRedirects {
      lines += ["location", "max-redirs = 10"]
    }
    if request.isHead {
      // The headers are what is printed. Compressed, an answer's length would not be the file's.
      lines += ["head", "header = \"Accept-Encoding: identity\""]
    } else if let stream = request.stream {
      // The body alone is printed, so that nothing but this process writes the file: killed, it
      // leaves nobody behind who does.
      lines += ["fail", "write-out = \"%{stderr}\\n\(statusMark)%{http_code}\\n\""]
      if stream.offset > 0 { lines.append("continue-at = \(stream.offset)") }
    } else {
      lines += ["dump-header = \"-\"", "max-time = 300", "max-filesize = \(50 << 20)"]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func quoted(_ text: String) -> String {
    let escaped = text.unicodeScalars.map { scalar in
      switch scalar {
      case "\"", "\\": "\\\(scalar)"
      case "\n": "\\n"
      case "\r": "\\r"
      default: String(scalar)
      }
    }
    return "\"\(escaped.joined())\""
  }

  private static let statusMark = "HTTP status "

  /// A streamed answer's status, which follows curl's complaints; nil where none came.
  private static func status(in messages: String) -> Response? {
    let line = messages.split(whereSeparator: \.isNewline).last { $0.hasPrefix(statusMark) }
    guard let status = (line?.dropFirst(statusMark.count)).flatMap({ Int($0) }), status > 0 else {
      return nil
    }
    return Response(status: status, headers: [:], body: [])
  }

  /// The last answer among those that were written one after another, redirects before it.
  static func response(_ output: [UInt8]) -> Response? {
    var rest = output[...]
    var last: Response?
    while rest.starts(with: "HTTP/".utf8) {
      var headers: [String: String] = [:]
      var status: Int?
      while let end = rest.firstIndex(of: 0x0A) {
        let line = String(decoding: rest[..<end].filter { $0 != 0x0D }, as: UTF8.self)
        rest = rest[(end + 1)...]
        if line.isEmpty { break }
        if status == nil {
          status = line.split(separator: " ").dropFirst().first.flatMap { Int($0) }
          if status == nil { return nil }
        } else if let colon = line.firstIndex(of: ":") {
          let value = line[line.index(after: colon)...].drop { $0 == " " }
          headers[line[..<colon].lowercased()] = String(value)
        }
      }
      guard let status else { return nil }
      last = Response(status: status, headers: headers, body: [])
    }
    last?.body = Array(rest)
    return last
  }

  /// curl's complaint in one line, without its name.
  private static func reason(of outcome: Subprocess.Outcome) -> String {
    if case .killed(let signal) = outcome.ending {
      return "curl was killed by \(signalName(signal))"
    }
    let lines = outcome.messages.split(whereSeparator: \.isNewline)
    var line = lines.last { !$0.hasPrefix(statusMark) }.map(String.init) ?? ""
    if line.hasPrefix("curl: "), let end = line.firstIndex(of: ")") {
      line = String(line[line.index(after: end)...].drop { $0 == " " })
    }
    return line.isEmpty ? "curl ended with status \(outcome.status)" : line
  }
}
