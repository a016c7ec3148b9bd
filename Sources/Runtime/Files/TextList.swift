/// Several texts in one cell, such as foils: a JSON array of strings, which is how a nested array of
/// a JSON file reads in a table, else texts apart by `|`. Nothing is trimmed; empty texts are left
/// out.
func textList(_ cell: String) -> [String] {
  let parsed = cell.hasPrefix("[") ? try? JSONParser.parse(Array(cell.utf8)[...]) : nil
  let texts =
    parsed?.array?.map { $0.string ?? $0.text }
    ?? cell.split(separator: "|").map(String.init)
  return texts.filter { !$0.isEmpty }
}
