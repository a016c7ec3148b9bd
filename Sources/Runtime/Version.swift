/// The version of Summand. `Host.version` adds the commit to it.
public enum Version {
  public static let current = "0.2.0"
}
