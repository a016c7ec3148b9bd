import TestSupport

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What transformers and numpy find in float64: see `Scripts/reference/vectors/examples.py`.
struct ExampleReference: Decodable {
  var top: Int
  var above: Double
  var models: [Model]
  var real: Model
  var features: [OfDictionary]
  var sketches: [Sketch]

  struct Model: Decodable {
    var name: String
    var texts: [[Int]]
    var units: [Unit]
  }

  struct OfDictionary: Decodable {
    var folder, site, reads: String
    var model: Model

    /// How a line loads it.
    var load: String {
      "dictionary \"\(Fixtures.path("dictionaries/\(folder)"))\" at L1.\(site) as sae"
        + (reads == "site" ? "" : " reads \(reads)")
    }
  }

  struct Unit: Decodable {
    var component: String
    var element: Int?
    var largest, lowest: [Example]
    /// The shares of positions above 0, and above `above`.
    var rate, above: Double
    var mean, std, least, most: Double
    /// At 1, 10, 50, 90 and 99 %.
    var quantiles: [Double]

    var key: String { Self.key(component, element) }

    static func key(_ component: String, _ element: Int?) -> String {
      component + (element.map { " \($0)" } ?? "")
    }
  }

  struct Example: Decodable, Equatable {
    var value: Double
    var text: Int
    var position: Int

    init(from decoder: any Decoder) throws {
      var parts = try decoder.unkeyedContainer()
      value = try parts.decode(Double.self)
      text = try parts.decode(Int.self)
      position = try parts.decode(Int.self)
    }
  }

  struct Sketch: Decodable {
    var count: Int
    var quantiles: [Double]

    /// The numbers that it is of.
    var numbers: [Float] {
      (0..<count).map { index in
        let x = Double(EditTable.Place.element(index, ofSeed: 11)) - 0.4
        return Float(x * x * x * x * x * 3e3)
      }
    }
  }

  static func read() throws -> ExampleReference {
    try JSONDecoder().decode(
      ExampleReference.self,
      from: Data(
        contentsOf: packageRoot.appending(path: "Tests/RuntimeTests/Fixtures/examples.json")))
  }
}
