/// A field of dots, two across and four down in every cell of the terminal (braille), each cell in
/// one style, with marks and texts over them.
struct PlotCanvas {
  let width: Int
  let height: Int
  private var dots: [UInt8]
  private var owners: [Int?]
  private var texts: [Character?]

  init(width: Int, height: Int) {
    self.width = width
    self.height = height
    dots = [UInt8](repeating: 0, count: width * height)
    owners = [Int?](repeating: nil, count: width * height)
    texts = [Character?](repeating: nil, count: width * height)
  }

  var dotWidth: Int { width * 2 }
  var dotHeight: Int { height * 4 }

  /// Dots count from the top left; outside of the field nothing is set.
  mutating func set(_ x: Int, _ y: Int, owner: Int) {
    guard x >= 0, y >= 0, x < dotWidth, y < dotHeight else { return }
    let cell = (y / 4) * width + x / 2
    // The order of braille's bits: three down on each side, then the fourth row.
    let bits: [[UInt8]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]
    dots[cell] |= bits[y % 4][x % 2]
    owners[cell] = owner
  }

  /// Bresenham's line.
  mutating func line(from a: (x: Int, y: Int), to b: (x: Int, y: Int), owner: Int) {
    var (x, y) = a
    let (dx, dy) = (abs(b.x - x), -abs(b.y - y))
    let (stepX, stepY) = (x < b.x ? 1 : -1, y < b.y ? 1 : -1)
    var error = dx + dy
    while true {
      set(x, y, owner: owner)
      if x == b.x, y == b.y { return }
      let twice = 2 * error
      if twice >= dy {
        error += dy
        x += stepX
      }
      if twice <= dx {
        error += dx
        y += stepY
      }
    }
  }

  /// A sign that fills its cell; `owner` decides its style.
  mutating func mark(_ column: Int, _ row: Int, _ sign: Character, owner: Int?) {
    guard column >= 0, row >= 0, column < width, row < height else { return }
    texts[row * width + column] = sign
    owners[row * width + column] = owner
  }

  func isFree(_ columns: Range<Int>, row: Int) -> Bool {
    guard row >= 0, row < height, columns.lowerBound >= 0, columns.upperBound <= width else {
      return false
    }
    return columns.allSatisfy { column in
      let cell = row * width + column
      return texts[cell] == nil && dots[cell] == 0
    }
  }

  func isEmpty(_ column: Int, _ row: Int) -> Bool {
    texts[row * width + column] == nil && dots[row * width + column] == 0
  }

  /// Whether there are dots and nothing over them.
  func hasDots(_ column: Int, _ row: Int) -> Bool {
    texts[row * width + column] == nil && dots[row * width + column] != 0
  }

  /// A row as text: `paint` is given each run of one owner, nil for texts without.
  func text(row: Int, paint: (String, Int?) -> String) -> String {
    var result = ""
    var run = ""
    var runOwner: Int?
    for column in 0..<width {
      let cell = row * width + column
      let sign: Character
      if let text = texts[cell] {
        sign = text
      } else if dots[cell] != 0, let scalar = Unicode.Scalar(0x2800 + UInt32(dots[cell])) {
        sign = Character(scalar)
      } else {
        sign = " "
      }
      let owner = sign == " " ? runOwner : owners[cell]
      if owner != runOwner {
        result += paint(run, runOwner)
        run = ""
        runOwner = owner
      }
      run.append(sign)
    }
    return result + paint(run, runOwner)
  }
}
