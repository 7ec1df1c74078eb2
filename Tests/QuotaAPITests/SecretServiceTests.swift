import Foundation
import ProcessSupport
import QuotaAPI
import Synchronization
import Testing

/// The token store's key in a real keyring: gnome-keyring on a bus of its own, through the real `secret-tool`.
@Suite struct SecretServiceTests {
    private static let lookup = ["lookup", "application", "quota-voice", "purpose", "token-file-key"]

    /// A desktop's session: its bus, and a keyring that was unlocked when its user came.
    private struct Desktop {
        let scratch: Scratch
        private let session: RunningProcess
        let address: String

        /// The threads of a test run block signals, which what they start inherits; a bus that ignores its end would
        /// stay for ever. What is killed in the end is this alone: the session ends by itself, and takes the bus along.
        private static let start = """
            import signal, subprocess, sys
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            subprocess.run(["dbus-run-session", "--", "sh", "-c", sys.argv[1]])
            """

        /// The daemon leaves its starter before it is on the bus: a caller that came too soon would start another one.
        private static let keyring = """
            printf pw | gnome-keyring-daemon --unlock --components=secrets >&2
            for turn in $(seq 600); do
                dbus-send --session --print-reply --dest=org.freedesktop.DBus /org/freedesktop/DBus \
            org.freedesktop.DBus.NameHasOwner string:org.freedesktop.secrets 2>&1 | grep -q 'boolean true' && break
                sleep 0.05
            done

            """

        init(hasKeyring: Bool = true) async throws {
            scratch = try Scratch()
            let keyring = hasKeyring ? Self.keyring : ""
            // `cat` lasts as long as our end of its input.
            let inside = keyring + "echo \"address $DBUS_SESSION_BUS_ADDRESS\"; cat"
            session = try RunningProcess(
                Checkout.python, ["-c", Self.start, inside],
                environment: ["XDG_RUNTIME_DIR": scratch.path, "XDG_DATA_HOME": scratch("data"), "HOME": scratch.path])
            try await session.wait(for: "the session's bus") { [session] in session.outputSoFar.contains("\n") }
            address = session.outputSoFar.trimmingCharacters(in: .whitespacesAndNewlines)
                .replacing("address ", with: "")
        }

        var environment: [String: String] { ["DBUS_SESSION_BUS_ADDRESS": address] }

        /// `secret-tool` on this bus, for a store inside this process.
        func tool(address: String? = nil, before: String = "") throws -> String {
            let bus = "export DBUS_SESSION_BUS_ADDRESS='\(address ?? self.address)'"
            return try scratch.program(
                "secret-tool", "#!/bin/sh\n\(bus)\n\(before)exec /usr/bin/secret-tool \"$@\"\n")
        }

        func lock() async throws {
            let words = [
                "dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.secrets", "/org/freedesktop/secrets",
                "org.freedesktop.Secret.Service.Lock",
                "array:objpath:/org/freedesktop/secrets/collection/login",
            ]
            let result = try await Command.run("/usr/bin/env", words, environment: environment)
            #expect(result.status == 0, "\(result.errors)")
        }
    }

    private func tokens() -> TokenSet { TokenSet(accessToken: "quota_token_0", refreshToken: "quota_refresh_0") }

    @Test func theKeyLivesInTheKeyringAndAnotherProcessReadsIt() async throws {
        let desktop = try await Desktop()
        let world = try await Peer.shared.world()
        let warnings = Mutex<[String]>([])
        let folder = desktop.scratch("state/quota-voice")
        let store = FileTokenStore(folder: folder, secretTool: try desktop.tool()) { text in
            warnings.withLock { $0.append(text) }
        }
        try await store.set(tokens(), for: world.baseURL)
        #expect(warnings.withLock { $0 } == [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["tokens", "tokens.lock"])
        let kept = try await Command.run(
            "/usr/bin/secret-tool", Self.lookup, environment: desktop.environment)
        #expect(kept.status == 0)
        #expect(kept.output.count == 43)
        // A process of its own, with the secret-tool of its PATH.
        let environment = desktop.environment.merging(
            ["XDG_STATE_HOME": desktop.scratch("state"), "QUOTA_BASE_URL": world.baseURL]) { $1 }
        let other = try await Command.quotaVoice(["whoami"], environment: environment)
        #expect(other.output == "a@b.example (user_1)\nbalance: $5.00\n", "\(other.errors)")
        #expect(other.errors == "")
        // Locked: what is there can't be read, and that is said.
        try await desktop.lock()
        await #expect(throws: TokenStoreError.keyringUnavailable) { try await store.get(world.baseURL) }
        let locked = try await Command.quotaVoice(["whoami"], environment: environment)
        #expect(locked.status == 77)
        #expect(locked.errors.contains("locked or not running"))
        #expect(locked.errorLines.count == 1)
    }

    @Test(arguments: ["locked", "absent", "no bus"])
    func withoutAKeyringTheKeyIsInAFileAndThatIsSaidOnce(how: String) async throws {
        let desktop = try await Desktop(hasKeyring: how == "locked")
        if how == "locked" { try await desktop.lock() }
        let tool = try desktop.tool(address: how == "no bus" ? "unix:path=/nonexistent" : nil)
        let warnings = Mutex<[String]>([])
        let folder = desktop.scratch("state/quota-voice")
        for name in ["a", "b"] {
            let store = FileTokenStore(folder: folder, secretTool: tool) { text in
                warnings.withLock { $0.append(text) }
            }
            try await store.set(tokens(), for: name)
            #expect(try await store.get(name) == tokens())
        }
        #expect(warnings.withLock { $0.count } == 1)
        #expect(warnings.withLock { $0.first }?.contains(folder + "/tokens.key") == true)
        let mode = try FileManager.default.attributesOfItem(atPath: folder + "/tokens.key")[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    /// While `secret-tool` holds the key, nobody who lists processes sees it.
    @Test func theKeyGoesThroughStandardInputAlone() async throws {
        let desktop = try await Desktop()
        // Ours goes on as soon as all is written; the tool gets its input's end a while later.
        let slow = """
            if [ "$1" = store ]; then { cat; while [ ! -e '\(desktop.scratch("seen"))' ]; do sleep 0.05; done; } \
            | /usr/bin/secret-tool "$@"; exit; fi

            """
        let store = FileTokenStore(
            folder: desktop.scratch("state/quota-voice"), secretTool: try desktop.tool(before: slow))
        let tokens = tokens()
        async let stored: Void = store.set(tokens, for: "a")
        var texts: [String] = []
        var isStoring = false
        let deadline = ContinuousClock.now + .seconds(60)
        while !isStoring, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(10))
            for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") where Int(name) != nil {
                let found = ["cmdline", "environ"].map { file in
                    let bytes = FileManager.default.contents(atPath: "/proc/\(name)/\(file)") ?? Data()
                    return String(decoding: bytes, as: UTF8.self)
                }
                texts += found
                // Of this desktop: other tests have theirs.
                isStoring =
                    isStoring
                    || found[0].hasPrefix("/usr/bin/secret-tool\0store\0") && found[1].contains(desktop.address)
            }
        }
        try desktop.scratch.write("seen", "")
        try await stored
        #expect(isStoring)
        let kept = try await Command.run("/usr/bin/secret-tool", Self.lookup, environment: desktop.environment)
        #expect(kept.output.count == 43)
        #expect(!texts.contains { $0.contains(kept.output) || $0.contains("quota_refresh_0") })
    }
}
