/// Finds the longest of many tokens that begins at an offset: a tree of their bytes. Gemma has six
/// thousand; many begin with what every space becomes.
struct TokenFinder: Sendable {
  private struct Node {
    var byte: UInt8
    /// The token that ends here, and its first child and its next sibling; -1 for none.
    var token: Int32 = -1
    var firstChild: Int32 = -1
    var nextSibling: Int32 = -1
  }

  let tokens: [AddedTokens.Token]
  private var nodes = [Node(byte: 0)]
  /// The bytes that some token begins with.
  private var begins = [Bool](repeating: false, count: 256)

  /// Of equal tokens the first is found. One that is empty or not UTF-8 stands in no text.
  init(_ tokens: [AddedTokens.Token]) {
    self.tokens = tokens
    for (index, token) in tokens.enumerated() {
      guard let first = token.content.first, firstInvalidUTF8(token.content) == nil else {
        continue
      }
      begins[Int(first)] = true
      let end = token.content.reduce(0) { node, byte in
        child(of: node, byte) ?? addChild(of: node, byte)
      }
      if nodes[end].token < 0 { nodes[end].token = Int32(index) }
    }
  }

  /// The longest token that `bytes` begin with.
  func longest(_ bytes: ArraySlice<UInt8>) -> AddedTokens.Token? {
    guard let first = bytes.first, begins[Int(first)] else { return nil }
    var (node, token): (Int, Int32) = (0, -1)
    for byte in bytes {
      guard let next = child(of: node, byte) else { break }
      node = next
      if nodes[node].token >= 0 { token = nodes[node].token }
    }
    return token < 0 ? nil : tokens[Int(token)]
  }

  /// Calls `body` with each token that `bytes` begin with, by its index in `tokens`.
  func all(_ bytes: ArraySlice<UInt8>, _ body: (Int) -> Void) {
    guard let first = bytes.first, begins[Int(first)] else { return }
    var node = 0
    for byte in bytes {
      guard let next = child(of: node, byte) else { return }
      node = next
      if nodes[node].token >= 0 { body(Int(nodes[node].token)) }
    }
  }

  private func child(of node: Int, _ byte: UInt8) -> Int? {
    var child = Int(nodes[node].firstChild)
    while child >= 0, nodes[child].byte != byte { child = Int(nodes[child].nextSibling) }
    return child < 0 ? nil : child
  }

  private mutating func addChild(of node: Int, _ byte: UInt8) -> Int {
    nodes.append(Node(byte: byte, nextSibling: nodes[node].firstChild))
    nodes[node].firstChild = Int32(nodes.count - 1)
    return nodes.count - 1
  }
}
