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
  /// A secret belongs here: arguments can be read by everybody. More than a pipe takes at once goes
  /// through a file without a name.
  var input: [UInt8] = []
  /// Takes the output as it comes, instead of `Outcome`; where it throws, the program is ended.
  var consume: ((ArraySlice<UInt8>) throws -> Void)?

  /// What every system's pipe takes before anybody reads it.
  private static let pipeRoom = 1 << 14
  private static let mostOutput = 64 << 20

  /// - Parameter tick: called about ten times a second; where it throws, the program is ended.
  func run(tick: () throws -> Void) throws -> Outcome {
    let given = try Input(input, room: Self.pipeRoom, for: program)
    let (output, messages) = (try Pipe(), try Pipe())
    let child = try Child(
      program, arguments, environment: environment,
      streams: Child.Streams(
        input: given.descriptor, output: output.writing, messages: messages.writing))
    given.close()
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

/// What a program reads: all of it is there before the program starts.
private final class Input {
  private let pipe: Pipe?
  private let file: UnsafeMutablePointer<FILE>?
  let descriptor: Int32

  init(_ bytes: [UInt8], room: Int, for program: String) throws {
    guard bytes.count > room else {
      let pipe = try Pipe()
      bytes.withUnsafeBytes { _ = write(pipe.writing, $0.baseAddress, $0.count) }
      pipe.closeWriting()
      (self.pipe, file, descriptor) = (pipe, nil, pipe.reading)
      return
    }
    guard let opened = tmpfile() else {
      let reason = String(cString: strerror(errno))
      throw Failure("`\(program)` cannot be given \(bytes.count) bytes: \(reason)")
    }
    (pipe, file, descriptor) = (nil, opened, fileno(opened))
    let code = writeAll(bytes, to: fileno(opened))
    guard code == 0, lseek(fileno(opened), 0, SEEK_SET) == 0 else {
      throw Failure(
        "`\(program)` cannot be given \(bytes.count) bytes: \(String(cString: strerror(code)))",
        help: "make room in the folder for temporary files")
    }
  }

  func close() {
    pipe?.closeReading()
    isClosed = true
    if let file { fclose(file) }
  }

  private var isClosed = false

  deinit { if !isClosed { close() } }
}
