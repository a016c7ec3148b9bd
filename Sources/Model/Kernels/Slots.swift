/// Elements that threads fill, each its own.
final class Slots<Element: Sendable>: @unchecked Sendable {
  private let storage: UnsafeMutableBufferPointer<Element>

  init(repeating element: Element, count: Int) {
    storage = .allocate(capacity: count)
    storage.initialize(repeating: element)
  }

  deinit {
    storage.deinitialize()
    storage.deallocate()
  }

  subscript(i: Int) -> Element {
    get { storage[i] }
    set { storage[i] = newValue }
  }

  var values: [Element] { Array(storage) }
}
