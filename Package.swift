// swift-tools-version: 6.2
import PackageDescription

// The house: four folders under Sources, arrows one way (Shell → Runtime → Lang and Model).
// Helper targets live inside the folder that they serve.

/// What `Scripts/sanitize --short` builds: the threads, the readers and the kernels of one
/// instruction set, without the language. All of it would take minutes more.
let isModelOnly = Context.environment["SUMMAND_MODEL_ONLY"] != nil

/// The kernels are one source compiled once for each instruction set: every variant's folder is a
/// link to `Kernels/Source`. The flag reaches Swift's code generation only through clang's
/// importer; the unroll threshold keeps the accumulators of a tile in registers. A debug build
/// compiles them as a release does, or else a product would be thirty times slower (four times with
/// `-O`, whose checks keep loads from being inlined), and tests would try other code than is
/// shipped. A number of threads gives an object for each file, which a debug build expects.
///
/// - Parameter passes: of the optimizer, to leave out.
func kernels(
  _ name: String, march: String, defines: [String] = [], without passes: [String] = []
) -> Target {
  let fast = ["-Ounchecked", "-whole-module-optimization", "-num-threads", "1"]
  return .target(
    name: name,
    dependencies: ["CSIMD"],
    path: "Sources/Model/Kernels/\(name)",
    swiftSettings: defines.map { .define($0) } + [
      .unsafeFlags(["-Xcc", "-march=\(march)", "-Xllvm", "-unroll-threshold=4000"]),
      .unsafeFlags(passes.flatMap { ["-Xllvm", "-sil-disable-pass=\($0)"] }),
      .unsafeFlags(["-Ounchecked"], .when(configuration: .release)),
      .unsafeFlags(fast + ["-disable-batch-mode"], .when(configuration: .debug)),
    ])
}

#if arch(x86_64)
  /// With tiles of twelve rows these took a third of the compiler's time, and made nothing faster.
  let slowPasses = [
    "loop-invariant-code-motion", "dead-store-elimination", "redundant-load-elimination",
  ]
  let kernelTargets =
    [kernels("KernelsAVX2", march: "x86-64-v3")]
    + (isModelOnly
      ? []
      : [
        kernels(
          "KernelsAVX512", march: "x86-64-v4", defines: ["AVX512"], without: slowPasses)
      ])
#else
  let kernelTargets = [kernels("KernelsNEON", march: "armv8-a")]
#endif

/// The gate's tests spend most of their time in the model and in the parser, and most of that in
/// generic code that a debug build does not specialize: these are compiled with `-O`, and all checks
/// of a debug build. On a person's machine a debugger sees them as they are written, and a change
/// compiles at once.
let isGate = Context.environment["CI"] != nil
let gateSettings: [SwiftSetting] =
  isGate
  ? [.unsafeFlags(["-O", "-assert-config", "Debug"], .when(configuration: .debug))] : []

let package = Package(
  name: "summand",
  platforms: [.macOS(.v26)],
  products: [.executable(name: "summand", targets: ["summand"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2")
  ],
  targets: [
    .systemLibrary(name: "CLibedit", path: "Sources/Shell/CLibedit"),
    .executableTarget(
      name: "summand",
      dependencies: [
        "CLibedit", "Runtime",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/Shell",
      exclude: ["CLibedit"],
      linkerSettings: [
        .unsafeFlags(
          ["-static-stdlib", "-l_FoundationCollections", "-l_FoundationCShims"],
          .when(platforms: [.linux], configuration: .release))
      ],
      plugins: ["RecordCommit"]),
    .plugin(name: "RecordCommit", capability: .buildTool()),
    .target(
      name: "Runtime", dependencies: ["Lang", "Model"],
      resources: [
        .embedInCode("Models/packages.tsv"), .embedInCode("Models/references.tsv"),
      ]),
    .systemLibrary(name: "CStack", path: "Sources/Lang/CStack"),
    .target(
      name: "Lang", dependencies: ["CStack"], exclude: ["CStack"], swiftSettings: gateSettings),
    .systemLibrary(name: "CSIMD", path: "Sources/Model/Kernels/CSIMD"),
    .target(name: "CMemory", path: "Sources/Model/Memory/CMemory"),
    .target(
      name: "Model",
      dependencies: ["CMemory", "CSIMD"] + kernelTargets.map { .byName(name: $0.name) },
      exclude: [
        "Memory/CMemory", "Kernels/CSIMD", "Kernels/Source",
        "Kernels/KernelsAVX2", "Kernels/KernelsAVX512", "Kernels/KernelsNEON",
      ],
      swiftSettings: gateSettings),
    .target(name: "TestSupport", path: "Tests/TestSupport"),
    .testTarget(name: "FuzzTests", dependencies: ["Runtime"], exclude: ["Fixtures"]),
    .testTarget(
      name: "LangTests", dependencies: ["Lang", "TestSupport"],
      exclude: ["Golden", "Grammars"]),
    .testTarget(name: "ModelTests", dependencies: ["Model", "TestSupport"], exclude: ["Fixtures"]),
    .testTarget(
      name: "RuntimeTests", dependencies: ["Runtime", "TestSupport"],
      exclude: ["Fixtures", "Scripts"]),
    .testTarget(
      name: "ShellTests", dependencies: ["summand", "Lang", "Model", "Runtime", "TestSupport"],
      exclude: ["Fixtures"]),
  ] + kernelTargets,
  swiftLanguageModes: [.v6]
)

// What `Scripts/bench` times bare products with. It sees what is internal, hence is no part of the
// house and there only when asked for.
if Context.environment["SUMMAND_BENCH"] != nil {
  package.targets.append(
    .executableTarget(name: "products", dependencies: ["Model"], path: "Scripts/bench.d/products"))
}

// What `Scripts/fuzz` runs. The parsers are compiled for it so that libFuzzer sees where they go and
// the address sanitizer what they touch; the kernels as always.
if Context.environment["SUMMAND_FUZZ"] != nil {
  let sanitizers = "-sanitize=fuzzer,address"
  for target in package.targets where ["Lang", "Model", "Runtime"].contains(target.name) {
    target.swiftSettings = [.unsafeFlags([sanitizers])]
  }
  // Its `malloc` steps back for the sanitizer's.
  for target in package.targets where target.name == "CMemory" {
    target.cSettings = [.unsafeFlags(["-fsanitize=address"])]
  }
  package.targets.append(
    .executableTarget(
      name: "fuzz", dependencies: ["Runtime"], path: "Scripts/fuzz.d",
      exclude: ["seeds.py", "blocks.py"],
      swiftSettings: [.unsafeFlags([sanitizers])],
      // The default linker fails on what the sanitizers add.
      linkerSettings: [.unsafeFlags([sanitizers, "-use-ld=lld"])]))
}

if isModelOnly {
  // The suites that it runs, and what they share.
  let suites = [
    "Pool", "ForwardTiny", "Generation", "FamilyAttribution", "FilesDequantize", "FilesGGUF",
    "FilesHeader", "FilesHostile", "FilesJSON", "FilesSafetensors", "FilesSource", "TokenizerGGUF",
    "TokenizerJSON", "KernelAttention", "KernelElementwise", "Numerics",
  ]
  let shared = ["Family", "FilesSupport", "ForwardSupport", "KernelSupport", "ReferenceData"]
  let sanitized = (suites.map { $0 + "Tests" } + shared).map { $0 + ".swift" }
  let kept = ["CMemory", "CSIMD", "Model", "ModelTests", "TestSupport"] + kernelTargets.map(\.name)
  package.targets.removeAll { !kept.contains($0.name) }
  for target in package.targets where target.name == "Model" {
    target.swiftSettings = [.define("ONLY_AVX2")]
  }
  for target in package.targets where target.name == "ModelTests" {
    target.sources = sanitized
  }
  package.products = []
  package.dependencies = []
}
