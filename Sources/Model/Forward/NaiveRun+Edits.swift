extension NaiveRun {
  /// - Parameter features: those of the edits before it at the site.
  func apply(_ edit: Edit, to rows: inout Rows, _ features: inout FeatureRows) {
    guard case .features(let change) = edit.change else {
      features.forget { edit.positions }
      return apply(edit, to: &rows, cuts: false)
    }
    for (index, p) in edit.positions.enumerated() {
      rows[p].withUnsafeMutableBufferPointer { x in
        guard let x = x.baseAddress else { return }
        _ = features.apply(change, index: index, row: p, to: x) {
          $0.input([], mlp: mlpInputs[$0.site.layer]?[p])
        }
      }
    }
  }

  func apply(_ edit: Edit, to rows: inout Rows, cuts: Bool) {
    let unitCount = model.configuration.unitCount(edit.site)
    for (index, p) in edit.positions.enumerated() {
      if case .along(let along) = edit.change {
        if !cuts { change(&rows[p], along, units: edit.units, of: unitCount) }
        continue
      }
      let width = rows[p].count / unitCount
      for (u, unit) in (edit.units ?? Array(0..<unitCount)).enumerated() {
        for i in 0..<width {
          let element = unit * width + i
          switch edit.change {
          case .cut(let sources):
            if cuts && sources.contains(i) { rows[p][element] = -.infinity }
          case _ where cuts: break
          case .zero: rows[p][element] = 0
          case .replace(let values): rows[p][element] = values[index][u * width + i]
          case .scale(let factor): rows[p][element] *= factor
          case .add(let vector):
            if vector[u * width + i] != 0 { rows[p][element] += vector[u * width + i] }
          case .edge, .along, .outside, .features: break
          }
        }
      }
    }
  }

  /// Heads one by one, all else at once.
  private func change(_ row: inout [Float], _ along: Along, units: [Int]?, of unitCount: Int) {
    let (direction, width) = (along.direction, along.direction.count)
    for unit in width == row.count ? [0] : units ?? Array(0..<unitCount) {
      let old = Array(row[unit * width..<(unit + 1) * width])
      let dot = kernels.dot(old, direction, count: width)
      for i in 0..<width {
        var amount: Float
        switch along.change {
        case .alone:
          row[unit * width + i] = dot * direction[i]
          continue
        case .removed: amount = -dot
        case .set(let number): amount = number - dot
        }
        amount *= direction[i]
        if amount != 0 { row[unit * width + i] = old[i] + amount }
      }
    }
  }
}
