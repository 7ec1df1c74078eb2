import Foundation
import Testing

/// The architecture as a table: which module may import which. SwiftPM does not stop an undeclared import, this does.
@Suite struct LayeringTests {
    /// What a folder of `Sources` may import; a longer path wins over a shorter one.
    private static let allowed: [String: Set<String>] = [
        // Core: each other, downward only; no I/O, no clock, no thread, no Foundation, not even Glibc.
        "Core/Realtime": ["Synchronization"],
        "Core/Signal": ["VoiceRealtime", "CSignalKernels"],
        "Core/Playout": ["VoiceSignal", "VoiceRealtime", "CSignalKernels"],
        "Core/Conversion": ["VoiceSignal", "VoiceRealtime", "CSignalKernels"],
        "Core/WebSocket": ["VoiceRealtime", "CWebSocketKernels"],
        "Core/Relay": ["VoiceSignal", "VoiceRealtime"],
        // SignalPath: Core, never Edge: they meet at rings and bounded queues.
        "SignalPath/Uplink": ["VoiceConversion", "VoicePlayout", "VoiceRelay", "VoiceSignal", "VoiceRealtime"],
        "SignalPath/Downlink": ["VoicePlayout", "VoiceRelay", "VoiceSignal", "VoiceRealtime"],
        "SignalPath/Live": [
            "VoiceUplink", "VoiceDownlink", "VoiceConversion", "VoicePlayout", "VoiceRelay", "VoiceSignal",
            "VoiceRealtime",
        ],
        "SignalPath/LocalPath": ["VoiceConversion", "VoiceSignal", "VoiceRealtime"],
        // Edge: the operating system, System and Core; Glibc yes, Foundation no.
        "Edge/SecureStream": [
            "Glibc", "Synchronization", "COpenSSL", "COpenSSLShims", "CRealtime", "VoiceRealtime",
        ],
        "Edge/WebSocketClient": [
            "Glibc", "Synchronization", "CRealtime", "VoiceRealtime", "VoiceWebSocket", "VoiceSecureStream",
        ],
        "Edge/ALSADevice": [
            "Glibc", "Synchronization", "CALSA", "CALSAShims", "CRealtime", "VoiceRealtime", "VoiceSignal",
        ],
        "Edge/VirtualMicrophone": ["Glibc", "Synchronization", "CRealtime", "VoiceALSADevice", "VoiceRealtime"],
        "Edge/AudioFile": ["Glibc", "CSndFile"],
        "Edge/OpusCodec": ["COpus", "COpusShims", "VoiceRelay"],
        // The engine that others embed: no NIO, no Foundation, no libsndfile.
        "Product/Kit": [
            "Glibc", "Synchronization", "CRealtime", "VoiceALSADevice", "VoiceConversion", "VoiceDownlink",
            "VoiceLivePath", "VoiceLocalPath", "VoiceOpusCodec", "VoicePlayout", "VoiceRealtime", "VoiceRelay",
            "VoiceSecureStream", "VoiceSignal", "VoiceUplink", "VoiceWebSocket", "VoiceWebSocketClient",
        ],
        // The server meets the client on the wire alone, so it never imports the client's parts.
        "Product/Server": [
            "Foundation", "Synchronization", "AsyncHTTPClient", "Configuration", "Crypto", "CryptoExtras",
            "GRDB", "HTTPTypes", "Hummingbird", "HummingbirdCore", "HummingbirdTLS", "JWTKit", "Logging", "Mustache",
            "NIOCore", "NIOHTTP1", "NIOHTTPTypes", "NIOHTTPTypesHTTP1", "NIOPosix", "NIOSSL", "NIOWebSocket",
            "ServiceLifecycle", "SwiftASN1", "VoiceConversion", "VoiceOpusCodec", "VoiceRealtime", "VoiceRelay",
            "VoiceSignal", "X509",
        ],
        // Where a server's sessions are converted by another relay, server and client meet.
        "Product/UpstreamRelay": [
            "Foundation", "Synchronization", "Logging", "VoiceConversion", "VoiceKit", "VoiceRealtime", "VoiceRelay",
            "VoiceSecureStream", "VoiceServer", "VoiceWebSocketClient",
        ],
        // On the engine's parts, and on NIO's HTTP client; never on the server.
        "Product/QuotaAPI": [
            "Foundation", "Synchronization", "AsyncHTTPClient", "CRealtime", "Crypto", "JWTKit", "NIOCore", "NIOHTTP1",
            "NIOPosix", "NIOSSL", "VoiceKit", "VoiceRealtime", "VoiceRelay", "VoiceSecureStream", "VoiceWebSocket",
            "VoiceWebSocketClient",
        ],
        "Product/CommandLine": [
            "Foundation", "Synchronization", "ArgumentParser", "CRealtime", "Logging", "QuotaAPI", "UnixSignals",
            "VoiceALSADevice", "VoiceAudioFile", "VoiceConversion", "VoiceKit", "VoiceRealtime", "VoiceRelay",
            "VoiceSecureStream", "VoiceServer", "VoiceSignal", "VoiceUpstreamRelay", "VoiceVirtualMicrophone",
        ],
    ]

    @Test func everyImportIsInTheTable() throws {
        let files = try Repository.files(below: "Sources")
        #expect(files.count > 50)
        for file in files {
            let folder = file.path.split(separator: "/").dropFirst().prefix(2).joined(separator: "/")
            let allowed = try #require(
                Self.allowed[folder], "\(file.path): \(folder) is not in LayeringTests.allowed; add it to its layer")
            for (number, line) in file.lines.enumerated() {
                guard let module = Self.importedModule(line) else { continue }
                #expect(
                    allowed.contains(module),
                    """
                    \(file.path):\(number + 1) imports \(module), which \(folder) may not. Move the code to a layer that \
                    may, or pass what it needs in as an argument.
                    """)
            }
        }
    }

    @Test func anUndeclaredImportIsNoticed() {
        #expect(Self.importedModule("import Foundation") == "Foundation")
        #expect(Self.importedModule("@preconcurrency import Glibc") == "Glibc")
        #expect(Self.importedModule("public import struct Foundation.Data") == "Foundation")
        #expect(Self.importedModule("    #if canImport(Glibc)") == nil)
        #expect(Self.importedModule("// import Foundation") == nil)
        #expect(Self.allowed["Core/Signal"]?.contains("Foundation") == false)
    }

    private static func importedModule(_ line: Substring) -> String? {
        let code = line.split(separator: "//", maxSplits: 1, omittingEmptySubsequences: false)[0]
        var words = code.split(whereSeparator: \.isWhitespace)[...]
        while let word = words.first, word.hasPrefix("@") || Self.modifiers.contains(String(word)) {
            words = words.dropFirst()
        }
        guard words.first == "import", var name = words.dropFirst().first else { return nil }
        if Self.kinds.contains(String(name)), let after = words.dropFirst(2).first { name = after }
        return name.split(separator: ".").first.map(String.init)
    }

    private static let modifiers: Set<String> = ["public", "package", "internal", "fileprivate", "private"]
    private static let kinds: Set<String> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]

    /// The C libraries hold no logic; the engine links three of them and no more.
    @Test func onlyTheFileEdgeKnowsLibsndfile() throws {
        for file in try Repository.files(below: "Sources") where !file.path.hasPrefix("Sources/Edge/AudioFile/") {
            for line in file.lines {
                #expect(Self.importedModule(line) != "CSndFile", "\(file.path): use VoiceAudioFile")
            }
        }
    }
}
