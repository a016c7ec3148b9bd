#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Standard input, output and error. Any of them may be closed (`summand >&-`).
enum StandardStreams {
  /// Opens in the place of each closed one what can be neither read nor written. Otherwise the next
  /// file that is opened would have its number, and what is printed would go into that file.
  static func fill() {
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] {
      guard fcntl(descriptor, F_GETFD) < 0, errno == EBADF else { continue }
      let unusable = descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY
      // The lowest free number is given, and those before are taken.
      if open("/dev/null", unusable) < 0 { _ = open("/", O_RDONLY) }
    }
  }
}
