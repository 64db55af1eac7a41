// swift-tools-version: 6.2
import Foundation
import PackageDescription

/// One strict set of settings for every Swift target (Docs/architecture.md, "Language settings").
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

/// Out-of-tree plugins resolve Core and PluginAPI against the executable that loads them (Docs/plugins.md).
let exportSymbols: [LinkerSetting] = [.unsafeFlags(["-Xlinker", "-export-dynamic"])]

func library(_ name: String, _ dependencies: [Target.Dependency], path: String? = nil) -> Target {
    .target(name: name, dependencies: dependencies, path: path, swiftSettings: strict)
}

/// A plugin by its folder: "Trainers/DPO" is the module TrainerDPO in Plugins/Trainers/DPO.
func plugin(_ folder: String) -> Target {
    let parts = folder.split(separator: "/")
    return .target(
        name: "\(parts[0].dropLast())\(parts[1])",
        dependencies: ["PluginAPI", "Core", "DataLoader", "Text", "JSON", "Random"],
        path: "Plugins/\(folder)", exclude: ["plugin.json", "README.md"], swiftSettings: strict)
}

/// Every built-in plugin, by folder.
let plugins = [
    "Trainers/Pretrain", "Trainers/SFT", "Trainers/DPO", "Trainers/GRPO",
    "Optimizers/AdamW", "Optimizers/SGD", "Optimizers/Lion", "Optimizers/Muon",
    "Schedulers/Constant", "Schedulers/Linear", "Schedulers/Cosine", "Schedulers/WSD",
    "Loaders/Streaming", "Loaders/JSONL",
    "Trackers/JSONL", "Trackers/TensorBoard",
    "Rewards/ExactMatch", "Rewards/EndsWith", "Rewards/Length", "Rewards/Format",
    "Tasks/Arithmetic",
    "Parallelisms/Data", "Parallelisms/ZeRO", "Parallelisms/Tensor", "Parallelisms/Pipeline",
    "Parallelisms/Ring", "Parallelisms/Ulysses", "Parallelisms/Expert",
    "Models/Llama", "Models/Qwen2", "Models/Qwen3", "Models/SmolLM3", "Models/Mistral", "Models/GPT2",
    "Models/Mixtral", "Models/Qwen3MoE",
].map(plugin)

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: strict, linkerSettings: exportSymbols)
}

let package = Package(
    name: "forktail",
    products: [
        .library(name: "Core", targets: ["Core"]),
        .library(name: "DataLoader", targets: ["DataLoader"]),
        .library(name: "Text", targets: ["Text"]),
        .library(name: "Host", targets: ["Host"]),
        .library(name: "PluginTestKit", targets: ["PluginTestKit"]),
        // Opened at run time, so that a machine without oneDNN can start (Docs/products.md).
        .library(name: "ForktailOneDNN", type: .dynamic, targets: ["COneDNN"]),
        // Opened at run time, so that a machine without MPI can start (Docs/parallelism.md).
        .library(name: "ForktailMPI", type: .dynamic, targets: ["CMPI"]),
        .executable(name: "forktail", targets: ["forktail"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    ],
    targets: [
        .systemLibrary(name: "CZstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CPCRE2", providers: [.apt(["libpcre2-dev"])]),
        .target(name: "CXXHash"),
        .target(name: "CKernels"),
        .target(
            name: "COneDNN", cSettings: [.headerSearchPath("../CKernels/include")],
            linkerSettings: [.linkedLibrary("dnnl"), .linkedLibrary("gomp")]),
        .systemLibrary(name: "COpenMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev"])]),
        .target(
            name: "CMPI", dependencies: ["COpenMPI"], cSettings: [.headerSearchPath("../CKernels/include")]),
        .target(name: "CPluginABI"),
        library("Random", []),
        library("JSON", []),
        library("Core", ["Random", "JSON", "CKernels", "CXXHash"]),
        library("DataLoader", ["Random", "JSON", "CZstd", "CZlib", "CXXHash", .product(name: "Crypto", package: "swift-crypto")]),
        library("Text", ["JSON", "CPCRE2"]),
        .plugin(name: "InterfaceFingerprint", capability: .buildTool(), path: "Sources/InterfaceFingerprint"),
        .target(
            name: "PluginAPI", dependencies: ["Core", "DataLoader", "Text", "JSON", "CPluginABI"],
            swiftSettings: strict, plugins: ["InterfaceFingerprint"]),
        library("PluginTestKit", ["PluginAPI", "Core", "DataLoader", "JSON", "Random"]),
        .target(name: "CPluginLoader"),
        library("Forks", ["JSON", .product(name: "Subprocess", package: "swift-subprocess")]),
        library("Host", [
            "PluginAPI", "Core", "DataLoader", "Text", "Random", "JSON", "Forks", "CPluginABI", "CPluginLoader",
            .product(name: "Crypto", package: "swift-crypto"),
            .product(name: "Yams", package: "Yams"),
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ] + plugins.map { .byName(name: $0.name) }),
        .executableTarget(
            name: "forktail", dependencies: ["Host"], swiftSettings: strict, linkerSettings: exportSymbols),
        tests("RandomTests", ["Random"]),
        tests("CoreTests", ["Core", "JSON", "Random", "CKernels", "PluginTestKit"]),
        tests("DataLoaderTests", ["DataLoader", "JSON", "Random"]),
        tests("TextTests", ["Text"]),
        tests("ForksTests", ["Forks", "JSON", "Random", "forktail"]),
        tests("PluginAPITests", ["PluginAPI", "PluginTestKit", "Core", "DataLoader", "JSON"]),
        tests(
            "HostTests",
            [
                "Host", "PluginAPI", "PluginTestKit", "Core", "DataLoader", "Text", "JSON", "ModelLlama", "TrainerDPO",
                "TrainerGRPO", "forktail",
            ]),
        tests(
            "PluginsTests",
            ["PluginAPI", "PluginTestKit", "Core", "DataLoader", "Text", "JSON", "Random"]
                + plugins.map { .byName(name: $0.name) }),
    ] + plugins
)
