#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

struct ReadFailure: Error {
  var message: String
}

/// Everything that `descriptor` gives until its end, at most `limit` bytes.
func readAll(_ descriptor: Int32, limit: Int) throws(ReadFailure) -> [UInt8] {
  var bytes: [UInt8] = []
  let blockSize = 1 << 16
  while true {
    let start = bytes.count
    guard start <= limit else {
      throw ReadFailure(message: "it is larger than \(limit >> 20) MiB")
    }
    bytes.append(contentsOf: repeatElement(0, count: blockSize))
    let count = bytes.withUnsafeMutableBytes {
      read(descriptor, $0.baseAddress! + start, blockSize)
    }
    bytes.removeLast(blockSize - max(0, count))
    if count == 0 { return bytes }
    if count < 0 && errno != EINTR { throw ReadFailure(message: systemMessage(errno)) }
  }
}
