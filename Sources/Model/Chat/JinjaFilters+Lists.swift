// Filters of lists.
extension JinjaRenderer {
  func listFilter(
    _ filter: JinjaFilter, _ value: JinjaValue, _ bound: (String...) throws -> [JinjaValue?]
  ) throws -> JinjaValue {
    switch filter {
    case .list:
      _ = try bound()
      return .list(try JinjaList(try items(of: value)))
    case .first:
      _ = try bound()
      return try iterator(over: value).next(self) ?? .undefined("the list has no first item")
    case .last:
      _ = try bound()
      if case .iterator = value { throw JinjaError("`last` of an iterator: use `list` first") }
      return try items(of: value).last ?? .undefined("the list has no last item")
    case .reverse:
      _ = try bound()
      if case .text(let text) = value {
        try charge(text: text.count)
        return .text(text.reversed())
      }
      let isList: Bool = if case .iterator = value { true } else { false }
      let items = try items(of: value)
      // What has an order is read backwards, and what comes one by one is a list first.
      return isList
        ? .list(try JinjaList(items.reversed())) : .iterator(try JinjaIterator(items.reversed()))
    case .items:
      _ = try bound()
      if case .undefined = value { return .iterator(try JinjaIterator([])) }
      guard case .dictionary(let dictionary) = value else {
        throw JinjaError("`items` needs a dictionary, not \(value.kind)")
      }
      try charge(values: dictionary.keys.count)
      return .iterator(try JinjaIterator(try pairs(of: dictionary).items))
    case .dictsort: return try sortedPairs(value, try bound("case_sensitive", "by", "reverse"))
    case .sort:
      let values = try bound("reverse", "case_sensitive", "attribute")
      let keyed = try keyed(value, by: values[2], isExact: values[1]?.isTrue == true, several: true)
      return .list(try JinjaList(try sorted(keyed, backwards: values[0]?.isTrue == true)))
    case .unique:
      let values = try bound("case_sensitive", "attribute")
      var seen: Set<JinjaKey> = []
      let keyed = try keyed(value, by: values[1], isExact: values[0]?.isTrue == true)
      return .iterator(
        try JinjaIterator(
          try keyed.filter { seen.insert(try JinjaKey($0.key)).inserted }.map(\.item)))
    default:
      let values = try bound("case_sensitive", "attribute")
      let keyed = try keyed(value, by: values[1], isExact: values[0]?.isTrue == true)
      guard var best = keyed.first else { return .undefined("the list is empty") }
      for item in keyed.dropFirst() {
        let isBetter =
          try filter == .max ? isLess(best.key, item.key) : isLess(item.key, best.key)
        if isBetter { best = item }
      }
      return best.item
    }
  }

  /// What an attribute such as `address.city` or `0` finds.
  func member(_ attribute: JinjaValue, of value: JinjaValue) throws -> JinjaValue {
    guard case .text(let path) = attribute else { return try item(attribute, of: value) }
    return try path.split(separator: ".", omittingEmptySubsequences: false).reduce(value) {
      value, part in
      let index = part.allSatisfy(\.isASCIIDigit) ? Int(String(part)) : nil
      return try item(index.map { .integer($0) } ?? .text(Array(part)), of: value)
    }
  }

  private func folded(_ value: JinjaValue) -> JinjaValue {
    if case .text(let text) = value { .text(text.lowercased) } else { value }
  }

  /// Items and what they are compared by: texts as small letters unless `isExact`.
  ///
  /// - Parameter several: whether the attribute may be several, with commas between.
  private func keyed(
    _ value: JinjaValue, by attribute: JinjaValue?, isExact: Bool, several: Bool = false
  ) throws -> [(key: JinjaValue, item: JinjaValue)] {
    try items(of: value).map { item in
      var keys = [item]
      switch attribute {
      case nil, .some(.none): break
      case .text(let path)? where several:
        keys = try path.split(separator: ",", omittingEmptySubsequences: false).map {
          try member(.text(Array($0)), of: item)
        }
      case let attribute?: keys = [try member(attribute, of: item)]
      }
      if !isExact { keys = keys.map(folded) }
      return (keys.count == 1 ? keys[0] : .list(try JinjaList(keys)), item)
    }
  }

  /// In order, equal ones as they stood.
  private func sorted(_ keyed: [(key: JinjaValue, item: JinjaValue)], backwards: Bool) throws
    -> [JinjaValue]
  {
    try keyed.enumerated().sorted { one, other in
      let (first, second) = backwards ? (other, one) : (one, other)
      if try isLess(first.element.key, second.element.key) { return true }
      if try isLess(second.element.key, first.element.key) { return false }
      return one.offset < other.offset
    }.map(\.element.item)
  }

  private func sortedPairs(_ value: JinjaValue, _ values: [JinjaValue?]) throws -> JinjaValue {
    guard case .dictionary(let dictionary) = value else {
      throw JinjaError("`dictsort` needs a dictionary, not \(value.kind)")
    }
    let by = try values[1].map { String(try text(of: $0)) } ?? "key"
    guard by == "key" || by == "value" else {
      throw JinjaError("`dictsort` sorts by \"key\" or \"value\"")
    }
    let keyed = zip(dictionary.pairs, try pairs(of: dictionary).items).map { pair, item in
      let key = by == "key" ? pair.0 : pair.1
      return (key: values[0]?.isTrue == true ? key : folded(key), item: item)
    }
    return .list(try JinjaList(try sorted(keyed, backwards: values[2]?.isTrue == true)))
  }

  // MARK: Item by item

  func map(_ value: JinjaValue, _ given: JinjaCall) throws -> JinjaValue {
    // jinja2 does not look at what is false: `none` is as good as an empty list.
    guard value.isTrue else { return .iterator(try JinjaIterator([])) }
    let change: (JinjaRenderer, JinjaValue) throws -> JinjaValue
    if given.positional.isEmpty {
      let values = try given.bound(to: ["attribute", "default"], of: "`map`")
      guard let attribute = values[0] else { throw JinjaError("`map` needs a filter's name") }
      change = { renderer, item in
        let found = try renderer.member(attribute, of: item)
        if case .undefined = found, let usual = values[1], !usual.isNone { return usual }
        return found
      }
    } else {
      let name = String(try text(of: given.positional[0]))
      var rest = given
      rest.positional.removeFirst()
      change = { renderer, item in try renderer.filter(name, item, rest) }
    }
    let source = try iterator(over: value)
    return .iterator(
      try JinjaIterator(depth: source.depth) { renderer in
        try renderer.charge(1)
        return try source.next(renderer).map { try change(renderer, $0) }
      })
  }

  /// `select`, `reject`, and the same by an attribute.
  func choose(_ filter: JinjaFilter, _ value: JinjaValue, _ given: JinjaCall) throws -> JinjaValue {
    guard value.isTrue else { return .iterator(try JinjaIterator([])) }
    var rest = given
    var attribute: JinjaValue?
    if filter == .selectattr || filter == .rejectattr {
      guard !rest.positional.isEmpty else {
        throw JinjaError("`\(filter.rawValue)` needs an attribute")
      }
      attribute = rest.positional.removeFirst()
    }
    let name = try rest.positional.isEmpty ? nil : String(text(of: rest.positional.removeFirst()))
    let wanted = filter == .select || filter == .selectattr
    let source = try iterator(over: value)
    return .iterator(
      try JinjaIterator(depth: source.depth) { renderer in
        while let item = try source.next(renderer) {
          try renderer.charge(1)
          let tested = try attribute.map { try renderer.member($0, of: item) } ?? item
          let holds = try name.map { try renderer.test($0, tested, rest) } ?? tested.isTrue
          if holds == wanted { return item }
        }
        return nil
      })
  }
}
