extension Configuration {
  /// Refuses a token id without a row in the embedding: a tokenizer may have more tokens than its
  /// model.
  ///
  /// - Throws: `ModelError` of kind `request`.
  public func check(token: Int) throws {
    guard !(0..<vocabulary).contains(token) else { return }
    throw ModelError(
      .request, "there is no token \(token): this model has 0 to \(vocabulary - 1)")
  }
}
