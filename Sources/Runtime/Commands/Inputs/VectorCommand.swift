import Lang
import Model

extension Command {
  static let vector = Command(
    name: "vector", group: .inputs,
    summary: "Make a vector: the mean of activations, a list of numbers, or one from a file.",
    details: """
      `PROMPTS | activations SITE | vector` is the mean over all rows that `activations` would return: \
      over the prompts, and over the positions where there are several. A list of numbers, and the \
      table of `activations` or `weights` in a variable, work too.
      Files: .npy, .npz and .safetensors (`key` says which array), and control vectors of repeng and \
      llama.cpp (.gguf, `layer` says which).
      Vectors are added, subtracted, multiplied by numbers and divided by them. norm(V), dot(A, B) \
      and cosine(A, B) are numbers.
      """,
    input: .any,
    parameters: [
      .positional("file", .path, required: false, "a file to read it from"),
      .keyword("key", .text, "which array of the file"),
      .keyword("layer", .number, "which direction of a control vector"),
      .keyword("at", .selector, "the site that it belongs to"),
    ],
    examples: [
      "colosseum | activations L15.resid_post@last | vector",
      "norm((colosseum | activations L15.resid_post@last | vector))",
    ]
  ) { call in
    let (path, key, layer) = (
      try call.text("file"), try call.text("key"), try call.integer("layer")
    )
    let at = try call.selectors("at")
    guard path != nil || key == nil && layer == nil else {
      throw call.failure(
        "`key` and `layer` say which vector of a file", help: "vector \"FILE\" key \"truth\"")
    }
    var vector = try path.map { try read($0, key, layer, call) } ?? fromInput(call)
    if !at.isEmpty {
      let place = try call.onePlace("at", on: vector.model)
      let width = vector.model.configuration.width(of: place)
      guard vector.elements.count == width else {
        throw Failure(
          "\(place.label) has \(width) elements, and the vector \(vector.elements.count)",
          span: call.span(of: "at"))
      }
      (vector.place, vector.layer) = (place.label, place.layerOfControlVector)
    }
    return .vector(vector)
  }

  private static func read(_ path: String, _ key: String?, _ layer: Int?, _ call: Invocation) throws
    -> VectorValue
  {
    guard case .nothing = call.input else {
      throw call.failure("`vector` takes either a file or what comes through the pipe")
    }
    let model = try placing(at: call.span) { try call.session.requireModel() }
    return try placing(at: call.span(of: "file")) {
      let read = try readVector(path: path, key: key, layer: layer)
      var vector = VectorValue(read.elements, of: model)
      if let layer = read.layer {
        let c = model.configuration
        guard layer < c.layers, read.elements.count == c.width else {
          throw Failure(
            "this direction is of layer \(layer) and has \(read.elements.count) elements; "
              + "'\(call.session.name(of: model))' has layers 0 to \(c.layers - 1) and a stream of "
              + "\(c.width)", help: "`use` the model that it was made for")
        }
        (vector.layer, vector.place) = (layer, "L\(layer).resid_post")
      }
      return vector
    }
  }

  private static func fromInput(_ call: Invocation) throws -> VectorValue {
    try placing(at: call.span) {
      switch call.input {
      case .vector(let vector): return vector
      case .stream(let stream): return try stream.mean()
      case .table(let table): return try mean(of: table, call)
      case .list: return try call.input.vector(of: call.session.requireModel(), in: call.session)
      case .nothing:
        throw Failure(
          "`vector` needs activations, numbers or a file",
          help: "PROMPTS | activations L9.resid_post@last | vector, or vector \"FILE\"")
      case .prompts:
        throw Failure(
          "`vector` takes activations, and these are prompts",
          help: "… | activations L9.resid_post@last | vector")
      case let other: throw Failure("`vector` takes activations, not \(other.kind)")
      }
    }
  }

  /// The mean over stretches of the rows; `element` counts from 0 in each.
  private static func mean(of value: TableValue, _ call: Invocation) throws -> VectorValue {
    try value.checkIsWhole("`vector`")
    let model = try value.origins.first?.model ?? call.session.requireModel()
    guard value.origins.allSatisfy({ $0.model === model }) else {
      throw Failure("these numbers are of several models")
    }
    let table = value.table
    guard case .integers(let elements) = try table.column("element").values else {
      throw Failure("the column `element` does not count elements")
    }
    let values = try table.column("value").values
    var place: String?
    if let components = table["component"] {
      let names = Set((0..<components.count).map { components[$0].description })
      guard names.count == 1 else {
        throw Failure(
          "a vector belongs to one place, and these are \(names.count)",
          help: "name one: … | where component == \"\(names.sorted().first ?? "")\" | vector")
      }
      place = names.first
    }
    let last = elements.compactMap(\.self).max() ?? -1
    guard elements.indices.contains(last), elements.count % (last + 1) == 0 else {
      throw Failure("these are not the rows of whole vectors", help: "keep all elements of a place")
    }
    let width = last + 1
    var sum = [Double](repeating: 0, count: width)
    try elements.indices.forEachChecked { row in
      guard elements[row] == row % width else {
        throw Failure(
          "these are not the rows of whole vectors", help: "keep all elements of a place")
      }
      guard let number = values.number(row), number.isFinite else {
        throw Failure("row \(row + 1) has no number")
      }
      sum[row % width] += number
    }
    if !call.statement.runner.isHeard { sum = VectorValue.planned(width) }
    let count = Double(elements.count / width)
    // A row of weights has no place.
    let found = place.flatMap { name in
      try? Selector(parsing: name).places(on: model.configuration, for: .reading).first
    }
    return VectorValue(
      sum.map { $0 / count }, of: model, place: place, layer: found?.layerOfControlVector,
      origins: value.origins)
  }
}

extension Invocation {
  /// The one place that a parameter names, without a position.
  func onePlace(_ parameter: String, on model: LanguageModel) throws -> Place {
    try placing(at: span(of: parameter)) {
      let selected = try selectors(parameter)
      guard let selector = selected.first?.selector, selected.count == 1, selector.position == nil
      else { throw Failure("expected one site without a position", help: "L9.resid_post") }
      let places = try selector.places(on: model.configuration, for: .reading)
      guard let place = places.first, places.count == 1 else {
        throw Failure("'\(selector.text)' is several places", help: "name one: L9.resid_post")
      }
      return place
    }
  }
}

extension Configuration {
  /// How many elements a place has at one position, of sites that are not over sources.
  func width(of place: Place) -> Int {
    place.sites.reduce(0) { sum, part in
      sum + (part.units?.count ?? unitCount(part.site))
        * unitWidth(part.site.activation, sources: 1)
    }
  }
}
