/// A file that comes bit by bit, and may have begun to come before. It is made by the first bytes.
final class PartialFile {
  private let path: String
  private var descriptor: Int32 = -1

  init(path: String) { self.path = path }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  func append(_ bytes: ArraySlice<UInt8>) throws {
    if descriptor < 0 {
      descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else { throw unwritable(path, errno) }
    }
    let code = writeAll(bytes, to: descriptor)
    guard code == 0 else {
      var failure = unwritable(path, code)
      failure.help = "what was fetched is kept: make room and load it again, or set HF_HUB_CACHE"
      throw failure
    }
  }
}
