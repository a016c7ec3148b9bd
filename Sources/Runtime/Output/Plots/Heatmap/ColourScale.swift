/// A colour of the screen, components 0 to 255.
struct RGB: Equatable {
  var red: Double
  var green: Double
  var blue: Double

  func mixed(with other: RGB, _ share: Double) -> RGB {
    RGB(
      red: red + (other.red - red) * share, green: green + (other.green - green) * share,
      blue: blue + (other.blue - blue) * share)
  }

  /// Whether dark text reads better on it than light text.
  var isLight: Bool { 0.299 * red + 0.587 * green + 0.114 * blue > 140 }

  /// The parameters that make it the background.
  func background(trueColour: Bool) -> String {
    trueColour
      ? "48;2;\(Int(red.rounded()));\(Int(green.rounded()));\(Int(blue.rounded()))"
      : "48;5;\(nearestOf256)"
  }

  /// The parameters that make it the colour of what is written.
  func foreground(trueColour: Bool) -> String {
    "3" + background(trueColour: trueColour).dropFirst()
  }

  /// xterm's palette: a cube of six levels a component, and 24 greys.
  private var nearestOf256: Int {
    let levels: [Double] = [0, 95, 135, 175, 215, 255]
    func level(_ component: Double) -> Int {
      levels.indices.min { abs(levels[$0] - component) < abs(levels[$1] - component) } ?? 0
    }
    let (r, g, b) = (level(red), level(green), level(blue))
    let cube = RGB(red: levels[r], green: levels[g], blue: levels[b])
    let mean = (red + green + blue) / 3
    let step = min(23, max(0, Int(((mean - 8) / 10).rounded())))
    let grey = RGB(
      red: Double(8 + 10 * step), green: Double(8 + 10 * step), blue: Double(8 + 10 * step))
    return distance(to: grey) < distance(to: cube) ? 232 + step : 16 + 36 * r + 6 * g + b
  }

  private func distance(to other: RGB) -> Double {
    let (r, g, b) = (red - other.red, green - other.green, blue - other.blue)
    return r * r + g * g + b * b
  }
}

/// How a heatmap shows a number between -1 and 1: a colour from red over near-white to blue, or,
/// where there is no colour, signs that grow heavier.
struct ColourScale {
  private static let middle = RGB(red: 244, green: 243, blue: 239)
  private static let below = [
    middle, RGB(red: 243, green: 190, blue: 168), RGB(red: 215, green: 98, blue: 84),
    RGB(red: 140, green: 20, blue: 42),
  ]
  private static let above = [
    middle, RGB(red: 172, green: 206, blue: 229), RGB(red: 82, green: 145, blue: 198),
    RGB(red: 22, green: 62, blue: 128),
  ]

  static func colour(_ share: Double) -> RGB {
    let stops = share < 0 ? below : above
    let place = min(1, share.magnitude) * Double(stops.count - 1)
    let index = min(stops.count - 2, Int(place))
    return stops[index].mixed(with: stops[index + 1], place - Double(index))
  }

  /// From hardly anything to the largest; the sign is in the character.
  static func sign(_ share: Double, unicode: Bool) -> Character {
    let level = ColourScale.level(share)
    if level == 0 { return unicode ? "·" : "." }
    let signs: [Character] =
      share > 0
      ? (unicode ? ["░", "▒", "▓", "█"] : ["+", "x", "X", "#"])
      : (unicode ? ["-", "=", "≡", "≣"] : ["-", "~", "=", "%"])
    return signs[level - 1]
  }

  /// 0 within an eighth of the largest around zero, then four equal steps.
  static func level(_ share: Double) -> Int {
    let size = min(1, share.magnitude)
    return size < 0.125 ? 0 : min(4, 1 + Int((size - 0.125) / 0.21875))
  }
}
