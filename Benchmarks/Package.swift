// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that the product never depends on what it is compared with.

let package = Package(
    name: "quota-voice-benchmarks",
    dependencies: [
        .package(name: "quota-voice", path: ".."),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    ],
    targets: [
        .systemLibrary(
            name: "CSoxr", path: "Sources/CSoxr", pkgConfig: "soxr", providers: [.apt(["libsoxr-dev"])]),
        .systemLibrary(name: "CMalloc", path: "Sources/CMalloc"),
        .systemLibrary(
            name: "CRubberBand", path: "Sources/CRubberBand", pkgConfig: "rubberband",
            providers: [.apt(["librubberband-dev"])]),
        .systemLibrary(
            name: "CSoundTouch", path: "Sources/CSoundTouch", pkgConfig: "soundtouch",
            providers: [.apt(["libsoundtouch-dev"])]),
        .executableTarget(
            name: "SignalBench",
            dependencies: [
                "CSoxr",
                .product(name: "VoiceCore", package: "quota-voice"),
                .product(name: "SignalMeasurement", package: "quota-voice"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]),
        .executableTarget(
            name: "WebSocketBench",
            dependencies: [.product(name: "VoiceWebSocketClient", package: "quota-voice")],
            swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]),
        .executableTarget(
            name: "BareServer", dependencies: [.product(name: "Hummingbird", package: "hummingbird")],
            swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]),
        .executableTarget(
            name: "RestLoad", swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]),
        .executableTarget(
            name: "RelayLoad",
            dependencies: [.product(name: "VoiceOpusCodec", package: "quota-voice")],
            swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]),
        .executableTarget(
            name: "VoiceBench",
            dependencies: [
                "CMalloc", "CRubberBand", "CSoundTouch",
                .product(name: "VoiceCore", package: "quota-voice"),
                .product(name: "VoiceConversion", package: "quota-voice"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]),
    ]
)
