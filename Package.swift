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
        .executable(name: "quota-voice", targets: ["quota-voice"]),
        .library(name: "VoiceKit", targets: ["VoiceKit"]),
        .library(name: "VoiceConversion", targets: ["VoiceConversion"]),
        .library(name: "VoiceOpusCodec", targets: ["VoiceOpusCodec"]),
        .library(name: "VoiceWebSocketClient", targets: ["VoiceWebSocketClient"]),
        .library(name: "QuotaAPI", targets: ["QuotaAPI"]),
        // What `Benchmarks`, a package of its own, measures and measures with.
        .library(name: "VoiceCore", targets: ["VoiceRealtime", "VoiceSignal"]),
        .library(name: "SignalMeasurement", targets: ["SignalMeasurement"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        // System: C libraries and shims, no logic.
        .systemLibrary(
            name: "CALSA", path: "Sources/System/CALSA", pkgConfig: "alsa", providers: [.apt(["libasound2-dev"])]),
        .systemLibrary(
            name: "COpus", path: "Sources/System/COpus", pkgConfig: "opus", providers: [.apt(["libopus-dev"])]),
        .systemLibrary(
            name: "COpenSSL", path: "Sources/System/COpenSSL", pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CSndFile", path: "Sources/System/CSndFile", pkgConfig: "sndfile",
            providers: [.apt(["libsndfile1-dev"])]),
        .target(name: "CRealtime", path: "Sources/System/CRealtime"),
        .target(name: "CALSAShims", dependencies: ["CALSA"], path: "Sources/System/CALSAShims"),
        .target(name: "COpenSSLShims", dependencies: ["COpenSSL"], path: "Sources/System/COpenSSLShims"),
        .target(name: "COpusShims", dependencies: ["COpus"], path: "Sources/System/COpusShims"),

        // Core: no I/O, no clock, no thread, no Foundation.
        .target(name: "VoiceRealtime", path: "Sources/Core/Realtime", swiftSettings: strict),
        .target(name: "CSignalKernels", path: "Sources/Core/SignalKernels"),
        .target(
            name: "VoiceSignal", dependencies: ["VoiceRealtime", "CSignalKernels"], path: "Sources/Core/Signal",
            swiftSettings: strict),
        .target(
            name: "VoiceConversion", dependencies: ["VoiceSignal", "CSignalKernels"], path: "Sources/Core/Conversion",
            swiftSettings: strict),
        .target(
            name: "VoicePlayout", dependencies: ["VoiceRealtime", "VoiceSignal", "CSignalKernels"],
            path: "Sources/Core/Playout", swiftSettings: strict),
        .target(name: "CWebSocketKernels", path: "Sources/Core/WebSocketKernels"),
        .target(
            name: "VoiceWebSocket", dependencies: ["VoiceRealtime", "CWebSocketKernels"],
            path: "Sources/Core/WebSocket", swiftSettings: strict),
        .target(
            name: "VoiceRelay", dependencies: ["VoiceRealtime", "VoiceSignal"], path: "Sources/Core/Relay",
            swiftSettings: strict),

        // SignalPath: Core's parts in signal order; never Edge.
        .target(
            name: "VoiceUplink", dependencies: ["VoiceConversion", "VoicePlayout", "VoiceRelay", "VoiceSignal"],
            path: "Sources/SignalPath/Uplink", swiftSettings: strict),
        .target(
            name: "VoiceDownlink", dependencies: ["VoicePlayout", "VoiceRelay", "VoiceSignal"],
            path: "Sources/SignalPath/Downlink", swiftSettings: strict),
        .target(
            name: "VoiceLocalPath", dependencies: ["VoiceConversion", "VoiceSignal"],
            path: "Sources/SignalPath/LocalPath", swiftSettings: strict),
        .target(
            name: "VoiceLivePath",
            dependencies: [
                "VoiceUplink", "VoiceDownlink", "VoiceConversion", "VoicePlayout", "VoiceRelay", "VoiceRealtime",
                "VoiceSignal",
            ],
            path: "Sources/SignalPath/Live", swiftSettings: strict),

        // Edge: the operating system.
        .target(
            name: "VoiceSecureStream", dependencies: ["VoiceRealtime", "COpenSSL", "COpenSSLShims", "CRealtime"],
            path: "Sources/Edge/SecureStream", swiftSettings: strict),
        .target(
            name: "VoiceWebSocketClient", dependencies: ["VoiceWebSocket", "VoiceSecureStream", "CRealtime"],
            path: "Sources/Edge/WebSocketClient", swiftSettings: strict),
        .target(
            name: "VoiceALSADevice",
            dependencies: ["VoiceSignal", "VoiceRealtime", "CALSA", "CALSAShims", "CRealtime"],
            path: "Sources/Edge/ALSADevice", swiftSettings: strict),
        .target(
            name: "VoiceVirtualMicrophone", dependencies: ["VoiceALSADevice", "VoiceRealtime", "CRealtime"],
            path: "Sources/Edge/VirtualMicrophone", swiftSettings: strict),
        .target(
            name: "VoiceAudioFile", dependencies: ["VoiceSignal", "CSndFile"], path: "Sources/Edge/AudioFile",
            swiftSettings: strict),
        .target(
            name: "VoiceOpusCodec", dependencies: ["VoiceRelay", "COpus", "COpusShims"], path: "Sources/Edge/OpusCodec",
            swiftSettings: strict),

        // Product: what people install.
        .target(
            name: "VoiceKit",
            dependencies: [
                "CRealtime", "VoiceALSADevice", "VoiceConversion", "VoiceUplink", "VoiceDownlink", "VoiceLivePath",
                "VoiceLocalPath", "VoiceOpusCodec", "VoicePlayout", "VoiceRelay", "VoiceSignal", "VoiceRealtime",
                "VoiceSecureStream", "VoiceWebSocketClient",
            ],
            path: "Sources/Product/Kit", swiftSettings: strict),
        .target(
            name: "QuotaAPI",
            dependencies: [
                "CRealtime", "VoiceKit", "VoiceRelay", "VoiceRealtime", "VoiceSecureStream", "VoiceWebSocket",
                "VoiceWebSocketClient",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            path: "Sources/Product/QuotaAPI", swiftSettings: strict),
        .target(
            name: "VoiceServer",
            dependencies: [
                "VoiceConversion", "VoiceOpusCodec", "VoiceRealtime", "VoiceRelay", "VoiceSignal",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Mustache", package: "swift-mustache"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            path: "Sources/Product/Server", swiftSettings: strict),
        .target(
            name: "VoiceUpstreamRelay",
            dependencies: [
                "VoiceConversion", "VoiceKit", "VoiceRealtime", "VoiceRelay", "VoiceSecureStream", "VoiceServer",
                "VoiceWebSocketClient", .product(name: "Logging", package: "swift-log"),
            ],
            path: "Sources/Product/UpstreamRelay", swiftSettings: strict),
        .executableTarget(
            name: "quota-voice",
            dependencies: [
                "CRealtime", "QuotaAPI", "VoiceKit", "VoiceServer", "VoiceALSADevice", "VoiceAudioFile",
                "VoiceConversion", "VoiceRealtime", "VoiceRelay", "VoiceSecureStream", "VoiceSignal",
                "VoiceUpstreamRelay", "VoiceVirtualMicrophone",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/Product/CommandLine", swiftSettings: strict),

        // Examples: what an app on Hummingbird does.
        .executableTarget(
            name: "SignInWithQuota", dependencies: ["QuotaAPI", .product(name: "Hummingbird", package: "hummingbird")],
            path: "Examples/SignInWithQuota", swiftSettings: strict),
        .executableTarget(
            name: "ConnectQuotaWallet",
            dependencies: [
                "QuotaAPI", .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
            ],
            path: "Examples/ConnectQuotaWallet", swiftSettings: strict),

        // Tests mirror the sources; what several of them share comes first.
        .target(name: "CAllocationCounter", path: "Tests/Support/CAllocationCounter"),
        .target(name: "SignalMeasurement", path: "Tests/Support/SignalMeasurement", swiftSettings: strict),
        .target(
            name: "ProcessSupport", dependencies: ["CRealtime"], path: "Tests/Support/Processes", swiftSettings: strict),
        .testTarget(name: "TidyTests", swiftSettings: strict),
        .testTarget(
            name: "RealtimeTests", dependencies: ["VoiceRealtime", "CAllocationCounter", "ProcessSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "SignalTests",
            dependencies: ["VoiceSignal", "CSignalKernels", "CAllocationCounter", "SignalMeasurement"],
            swiftSettings: strict),
        .testTarget(
            name: "PlayoutTests",
            dependencies: ["VoiceDownlink", "VoicePlayout", "VoiceRealtime", "CAllocationCounter"],
            swiftSettings: strict),
        // The whole way of a live session in virtual time.
        .testTarget(
            name: "PathTests",
            dependencies: [
                "VoiceLivePath", "VoiceConversion", "VoicePlayout", "VoiceRelay", "VoiceSignal", "VoiceRealtime",
                "CAllocationCounter",
            ], swiftSettings: strict),
        .testTarget(
            name: "ConversionTests", dependencies: ["VoiceConversion", "CAllocationCounter"], swiftSettings: strict),
        .testTarget(
            name: "WebSocketTests", dependencies: ["VoiceWebSocket", "VoiceRealtime"], swiftSettings: strict),
        .testTarget(
            name: "WebSocketClientTests",
            dependencies: [
                "VoiceWebSocketClient", "VoiceWebSocket", "VoiceSecureStream", "VoiceRealtime", "CRealtime",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "QuotaAPITests",
            dependencies: [
                "quota-voice", "SignInWithQuota", "ConnectQuotaWallet", "ProcessSupport", "QuotaAPI", "VoiceRelay",
                "VoiceKit", "VoiceLivePath", "VoiceRealtime", "VoiceSecureStream",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            exclude: ["peer.py", "peer_voice.py"], swiftSettings: strict),
        .testTarget(name: "RelayTests", dependencies: ["VoiceRelay", "VoiceRealtime"], swiftSettings: strict),
        .testTarget(
            name: "OpusCodecTests",
            dependencies: ["VoiceOpusCodec", "VoiceRelay", "COpus", "CAllocationCounter", "ProcessSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "KitTests",
            dependencies: [
                "VoiceKit", "VoiceUplink", "VoiceDownlink", "VoiceLocalPath", "VoiceConversion", "VoiceOpusCodec",
                "VoiceRelay", "VoiceSignal", "VoiceWebSocket", "VoiceRealtime", "CAllocationCounter",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "SecureStreamTests",
            dependencies: ["VoiceSecureStream", "VoiceRealtime", "CRealtime", "ProcessSupport"],
            exclude: ["stream_server.py", "connect_proxy.py"], swiftSettings: strict),
        .executableTarget(
            name: "AutobahnClient",
            dependencies: ["VoiceWebSocketClient", "VoiceWebSocket", "VoiceSecureStream", "VoiceRealtime"],
            path: "Tests/ConformanceTests/AutobahnClient", swiftSettings: strict),
        .executableTarget(
            name: "FaultClient",
            dependencies: ["VoiceWebSocketClient", "VoiceWebSocket", "VoiceSecureStream", "VoiceRealtime"],
            path: "Tests/NetworkFaultTests/FaultClient", swiftSettings: strict),
        .testTarget(
            name: "NetworkFaultTests", dependencies: ["FaultClient", "quota-voice", "ProcessSupport"],
            exclude: ["FaultClient", "fault_network.py", "fault_server.py"], swiftSettings: strict),
        // The built command, met by peers that are not ours.
        .testTarget(
            name: "CommandLineTests",
            dependencies: ["quota-voice", "ProcessSupport", "VoiceConversion", "VoiceKit", "VoiceALSADevice"],
            swiftSettings: strict),
        // Sound cards of the tests' own: what a real one does when it is pulled out.
        .executableTarget(
            name: "DeviceProbe",
            dependencies: ["CRealtime", "VoiceALSADevice", "VoiceRealtime", "VoiceVirtualMicrophone"],
            path: "Tests/DeviceTests/DeviceProbe", swiftSettings: strict),
        .testTarget(
            name: "DeviceTests",
            dependencies: [
                "quota-voice", "DeviceProbe", "ProcessSupport", "VoiceALSADevice", "VoiceRealtime", "VoiceSignal",
                "VoiceVirtualMicrophone", "CAllocationCounter",
            ], exclude: ["DeviceProbe"], swiftSettings: strict),
        .testTarget(name: "JudgeTests", dependencies: ["quota-voice", "ProcessSupport"], swiftSettings: strict),
        .testTarget(
            name: "ProviderTests",
            dependencies: ["quota-voice", "SignInWithQuota", "ConnectQuotaWallet", "ProcessSupport", "VoiceServer"],
            exclude: [
                "attacks.py", "browser.py", "checkout.py", "chromium.py", "chromium.sh", "endings.py", "examples.py",
                "login.py",
                "provider.py", "requirements.txt", "set-up.sh",
                "third_party.py",
            ], swiftSettings: strict),
        .testTarget(
            name: "ServerTests",
            dependencies: [
                "quota-voice", "ProcessSupport", "QuotaAPI", "VoiceServer", "VoiceConversion",
                .product(name: "GRDB", package: "GRDB.swift"), .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ], swiftSettings: strict),
    ]
)

// Fuzz targets link against libFuzzer's main and so only exist when `Tests/Fuzz/run.sh` asks for them.
if Context.environment["QUOTA_VOICE_FUZZ"] != nil {
    for name in ["FrameParserFuzz", "MachineFuzz", "HandshakeFuzz", "UTF8Fuzz", "RelayFuzz"] {
        package.targets.append(
            .executableTarget(
                name: name, dependencies: ["VoiceWebSocket", "VoiceRelay", "VoiceRealtime"], path: "Tests/Fuzz/\(name)",
                swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]))
    }
}
