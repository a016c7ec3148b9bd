/// The version of Summand, as `--version` shows it and saved files carry it.
public enum Version {
  public static let current = "0.1.0"
}
