import Lang

// What heads read, to be asked by the reader: boxes choose heads, a pointer or a touch on a token
// shows what that token reads. It is done with styles alone: a page has no script.
extension AttentionView {
  /// - Parameter number: the view's on its page.
  func html(_ number: Int) -> String {
    let limit = limit
    let scale = HeatmapScale(heads.flatMap(\.readings).flatMap(\.values).filter(\.isFinite))
    let texts = shortNumbers([scale.low, scale.high])
    var html = """
      <section class="reading" aria-label="\(escapedForMarkup("What heads read"))">
      <p class="note">Choose heads. Point at a token, or touch it, to see what it reads; before that \
      the last one is shown. The colours are \(escapedForMarkup(valueTitle)) from \(texts[0]) to \
      \(texts[1]).</p>
      <div class="heads">

      """
    for (index, head) in heads.enumerated() {
      let id = "reading-\(number)-\(index + 1)"
      let name = escapedForMarkup(head.name.isEmpty ? "attention" : head.name)
      html += """
        <input type="checkbox" id="\(id)"\(index == 0 ? " checked" : "")><label for="\(id)">\(name)\
        </label><div class="head"><b>\(name)</b>
        \(head.readings.map { self.html($0, limit: limit) }.joined())
        </div>

        """
    }
    html += "</div>\n"
    if omitted > 0 {
      html +=
        "<p class=\"note\">heads that are not in this view, as the page would be too large: "
        + "\(thousands(omitted))</p>\n"
    }
    return html + "</section>\n"
  }

  /// A token, and next to it what is shown while it is pointed at.
  private func html(_ reading: Reading, limit: Double) -> String {
    var html = ""
    if let position = reading.position {
      let text = tokens.indices.contains(position) ? tokens[position] : "\(position)"
      html += "<span class=\"q\" tabindex=\"0\">\(escapedForMarkup(text))</span>"
    }
    html += "<span class=\"src\">"
    for (token, value) in zip(tokens, reading.values) {
      let text = escapedForMarkup(token)
      guard !value.isNaN else {
        html += "<i class=\"none\">\(text)</i>"
        continue
      }
      let share =
        limit == 0 ? 0 : value.isFinite ? value / limit : value > 0 ? 1 : -1
      let styles = [share < 0 ? "low" : "", SVGDrawing.style(onShare: share.magnitude)]
        .joined(separator: " ").split(separator: " ").filter { $0 != "inside" }
      let style = styles.isEmpty ? "" : " class=\"\(styles.joined(separator: " "))\""
      let percent = (share.magnitude * 100).rounded()
      html += "<i\(style) style=\"--a:\(Int(percent))%\" title=\"\(value)\">\(text)</i>"
    }
    // No line break: it would be a space between tokens.
    return html + "</span>"
  }

  /// What a page with such a view needs.
  static let rules = """
    .reading{margin:1rem 0}
    .heads{display:flex;flex-wrap:wrap;gap:.35rem}
    .heads input{position:absolute;opacity:0}
    .heads label{cursor:pointer;font-size:.8rem;line-height:1;padding:.35rem .5rem;\
    border:1px solid var(--axis);border-radius:.3rem}
    .heads input:checked+label{background:var(--ink);color:var(--paper)}
    .heads input:focus-visible+label{outline:2px solid var(--link);outline-offset:2px}
    .head{display:none;order:1;flex-basis:100%;min-width:0;position:relative;font-size:.85rem;\
    line-height:1.9;padding:.4rem 0}
    .heads input:checked+label+.head{display:block}
    .head b{display:block;line-height:1.5}
    .q,.src i{white-space:pre-wrap;font-style:normal;padding:.15rem .1rem;border-radius:.2rem}
    .q{cursor:default;border-bottom:2px solid var(--faint)}
    .q:hover,.q:focus{border-bottom-color:var(--link);outline:none}
    .src{position:absolute;left:0;right:0;bottom:.4rem;visibility:hidden;background:var(--paper)}
    .src:last-child{position:relative;bottom:0;display:block;visibility:visible}
    .q:focus~.src:last-child,.q:hover~.src:last-child{visibility:hidden}
    .q:focus+.src,.q:focus+.src:last-child{visibility:visible}
    .q:hover+.src,.q:hover+.src:last-child{visibility:visible;z-index:1}
    .src i{color:var(--weak);background:color-mix(in srgb,var(--high) var(--a),transparent)}
    .src .low{background:color-mix(in srgb,var(--low) var(--a),transparent)}
    .src .mid{color:#000}
    .src .strong{color:var(--strong)}
    .src .none{color:var(--soft);background:none}

    """
}
