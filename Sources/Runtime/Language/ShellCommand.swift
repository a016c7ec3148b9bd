import Model

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// `!`: the rest of the line in `sh`, with the table as TSV on its input. What it prints is its own
/// affair.
struct ShellCommand {
  let session: Session

  func run(_ command: String, input: Value) throws -> Value {
    let text = try inputText(input)
    session.host.flush()
    let status = try withPipe(command, text)
    // Ctrl-C went to the command too, and whatever it made of it, the work ends here.
    try Interruption.check()
    guard status == 0 else {
      throw Failure("`\(command.trimmed)` ended with status \(status)")
    }
    return .nothing
  }

  private func inputText(_ input: Value) throws -> String {
    switch input {
    case .nothing: return ""
    case .table(let value):
      return render(value.table, as: .tsv, settings: session.host.settings)
    case .prompts(let set):
      return render(set.listing, as: .tsv, settings: session.host.settings)
    case let other: return (other.shortText ?? "") + "\n"
    }
  }

  private func withPipe(_ command: String, _ text: String) throws -> Int32 {
    guard let stream = popen(command, "w") else {
      throw Failure("sh could not be started: \(String(cString: strerror(errno)))")
    }
    // A command that reads only a part (`head`) closes the pipe early: that is its right.
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, stream) }
      if written == 0 { break }
      bytes = bytes.dropFirst(written)
    }
    let status = pclose(stream)
    return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
  }
}

extension String {
  fileprivate var trimmed: String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}
