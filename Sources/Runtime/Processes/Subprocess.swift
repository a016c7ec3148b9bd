/// Another program, run to its end with its output collected.
struct Subprocess {
  struct Outcome {
    var ending: Child.Ending
    var output: [UInt8]
    /// What it wrote on standard error.
    var messages: String

    var status: Int32 { ending.status }
  }

  /// Looked for on the PATH.
  var program: String
  var arguments: [String]
  /// Added to what this process has.
  var environment: [String: String]
  /// At most `longestInput` bytes. A secret belongs here: arguments can be read by everybody.
  var input: [UInt8] = []
  /// Takes the output as it comes, instead of `Outcome`; where it throws, the program is ended.
  var consume: ((ArraySlice<UInt8>) throws -> Void)?

  /// What every system's pipe takes before anybody reads it.
  static let longestInput = 1 << 14
  private static let mostOutput = 64 << 20

  /// - Parameter tick: called about ten times a second; where it throws, the program is ended.
  func run(tick: () throws -> Void) throws -> Outcome {
    guard input.count <= Self.longestInput else {
      throw Failure("`\(program)` cannot be given \(input.count) bytes at once")
    }
    let (input, output, messages) = (try Pipe(), try Pipe(), try Pipe())
    self.input.withUnsafeBytes { _ = write(input.writing, $0.baseAddress, $0.count) }
    input.closeWriting()
    let child = try Child(
      program, arguments, environment: environment,
      streams: Child.Streams(
        input: input.reading, output: output.writing, messages: messages.writing))
    input.closeReading()
    output.closeWriting()
    messages.closeWriting()
    do {
      let texts = try collect([output.reading, messages.reading], tick: tick)
      return Outcome(
        ending: child.wait(), output: texts[0],
        messages: String(decoding: texts[1], as: UTF8.self))
    } catch {
      child.sendToAll(SIGTERM)
      _ = child.wait()
      throw error
    }
  }

  private func collect(_ descriptors: [Int32], tick: () throws -> Void) throws -> [[UInt8]] {
    var texts = [[UInt8]](repeating: [], count: descriptors.count)
    var open = Set(descriptors.indices)
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while !open.isEmpty {
      let waiting = open.sorted()
      var polled = waiting.map {
        pollfd(fd: descriptors[$0], events: Int16(POLLIN), revents: 0)
      }
      _ = poll(&polled, nfds_t(polled.count), 100)
      try tick()
      for (index, place) in zip(waiting, polled) where place.revents != 0 {
        let count = read(place.fd, &chunk, chunk.count)
        if count > 0 {
          if index == 0, let consume {
            try consume(chunk[..<count])
          } else {
            texts[index].append(contentsOf: chunk[..<count])
          }
        }
        if count == 0 || (count < 0 && errno != EINTR) { open.remove(index) }
      }
      guard texts.allSatisfy({ $0.count <= Self.mostOutput }) else {
        throw Failure("`\(program)` wrote more than \(Self.mostOutput) bytes")
      }
    }
    return texts
  }
}
