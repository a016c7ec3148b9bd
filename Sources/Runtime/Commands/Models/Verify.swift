import Lang
import Model

extension Command {
  static let verify = Command(
    name: "verify", group: .models,
    summary: "Run every available check on the model in use.",
    details: """
      One row per check, with the largest gap found and the largest allowed:
      - checksum: the file's SHA-256, if it is known
      - configuration: every key is read or harmless
      - weights: all can be read and are numbers
      - tokenizer: texts come back unchanged
      - naive run: the fast run and the plain one give the same bits
      - f64 run: a short prompt in double precision, from the file and without the kernels
      - sum check: the parts of an attribution sum to the logit
      - recorded logits: those of another implementation, if some are recorded
      `ok` is missing if there is nothing to compare with. If a check fails, the statement ends \
      with status 5.
      """,
    input: .none, examples: ["load smollm2; verify"]
  ) { call in
    let model = try placing(at: call.span) { try call.session.requireModel() }
    let verifier = Verifier(model, in: call.session)
    let findings = try verifier.findings()
    let failed = findings.filter { $0.isOK == false }
    if !failed.isEmpty {
      call.failOnceShown(
        Failure(
          "\(call.session.name(of: model)) failed \(failed.count) of \(findings.count) checks: "
            + failed.map(\.check).joined(separator: ", "),
          help: "do not trust its numbers; if its file is whole, please report the model",
          status: .assertion))
    } else if let worst = findings.filter({ !$0.gap.isNaN }).max(by: { $0.gap < $1.gap }) {
      call.session.note(
        "verify: the largest gap is \(SumCheck.short(worst.gap)) (\(worst.check))")
    }
    return .table(
      TableValue(
        Table(
          columns: [
            Column("check", .texts(findings.map(\.check))),
            Column("result", .texts(findings.map(\.result))),
            Column("gap", .doubles(findings.map(\.gap))),
            Column("tolerance", .doubles(findings.map(\.tolerance))),
            Column("ok", .booleans(findings.map(\.isOK))),
          ], measure: "gap")))
  }
}
