// swift-tools-version: 6.2
import PackageDescription

// The map of the project, bottom to top; `Tests/TidyTests` holds each target to its layer's imports.

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "quota-voice",
    products: [
        .library(name: "VoiceWebSocketClient", targets: ["VoiceWebSocketClient"])
    ],
    targets: [
        // System: C libraries and shims, no logic.
        .systemLibrary(
            name: "COpenSSL", path: "Sources/System/COpenSSL", pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CSndFile", path: "Sources/System/CSndFile", pkgConfig: "sndfile",
            providers: [.apt(["libsndfile1-dev"])]),
        .target(name: "CRealtime", path: "Sources/System/CRealtime"),
        .target(name: "COpenSSLShims", dependencies: ["COpenSSL"], path: "Sources/System/COpenSSLShims"),

        // Core: no I/O, no clock, no thread, no Foundation.
        .target(name: "VoiceRealtime", path: "Sources/Core/Realtime", swiftSettings: strict),
        .target(name: "CSignalKernels", path: "Sources/Core/SignalKernels"),
        .target(
            name: "VoiceSignal", dependencies: ["VoiceRealtime", "CSignalKernels"], path: "Sources/Core/Signal",
            swiftSettings: strict),
        .target(
            name: "VoiceConversion", dependencies: ["VoiceSignal", "CSignalKernels"], path: "Sources/Core/Conversion",
            swiftSettings: strict),
        .target(name: "CWebSocketKernels", path: "Sources/Core/WebSocketKernels"),
        .target(
            name: "VoiceWebSocket", dependencies: ["VoiceRealtime", "CWebSocketKernels"],
            path: "Sources/Core/WebSocket", swiftSettings: strict),
        .target(
            name: "VoiceRelay", dependencies: ["VoiceRealtime", "VoiceSignal"], path: "Sources/Core/Relay",
            swiftSettings: strict),

        // Edge: the operating system.
        .target(
            name: "VoiceSecureStream", dependencies: ["VoiceRealtime", "COpenSSL", "COpenSSLShims", "CRealtime"],
            path: "Sources/Edge/SecureStream", swiftSettings: strict),
        .target(
            name: "VoiceWebSocketClient", dependencies: ["VoiceWebSocket", "VoiceSecureStream", "CRealtime"],
            path: "Sources/Edge/WebSocketClient", swiftSettings: strict),
        .target(
            name: "VoiceAudioFile", dependencies: ["VoiceSignal", "CSndFile"], path: "Sources/Edge/AudioFile",
            swiftSettings: strict),

        // Tests mirror Sources.
        .testTarget(
            name: "WebSocketTests", dependencies: ["VoiceWebSocket", "VoiceRealtime"], swiftSettings: strict),
        .testTarget(
            name: "WebSocketClientTests",
            dependencies: ["VoiceWebSocketClient", "VoiceWebSocket", "VoiceSecureStream", "VoiceRealtime"],
            swiftSettings: strict),
        .executableTarget(
            name: "AutobahnClient",
            dependencies: ["VoiceWebSocketClient", "VoiceWebSocket", "VoiceSecureStream", "VoiceRealtime"],
            path: "Tests/ConformanceTests/AutobahnClient", swiftSettings: strict),
        .executableTarget(
            name: "FaultClient",
            dependencies: ["VoiceWebSocketClient", "VoiceWebSocket", "VoiceSecureStream", "VoiceRealtime"],
            path: "Tests/NetworkFaultTests/FaultClient", swiftSettings: strict),
        .testTarget(
            name: "NetworkFaultTests", dependencies: ["FaultClient"],
            exclude: ["FaultClient", "fault_network.py", "fault_server.py"], swiftSettings: strict),
        .testTarget(
            name: "SecureStreamTests", dependencies: ["VoiceSecureStream", "VoiceRealtime", "CRealtime"],
            exclude: ["stream_server.py", "connect_proxy.py"], swiftSettings: strict),
    ]
)

// Fuzz targets link against libFuzzer's main and so only exist when `Tests/Fuzz/run.sh` asks for them.
if Context.environment["QUOTA_VOICE_FUZZ"] != nil {
    for name in ["FrameParserFuzz", "MachineFuzz", "HandshakeFuzz", "UTF8Fuzz"] {
        package.targets.append(
            .executableTarget(
                name: name, dependencies: ["VoiceWebSocket", "VoiceRealtime"], path: "Tests/Fuzz/\(name)",
                swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]))
    }
}
