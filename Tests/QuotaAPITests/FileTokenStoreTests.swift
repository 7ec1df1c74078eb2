import Foundation
import ProcessSupport
import QuotaAPI
import Synchronization
import Testing

@Suite struct FileTokenStoreTests {
    private let tokens = TokenSet(
        accessToken: "quota_token_seen", refreshToken: "quota_refresh_seen",
        expiresAt: Date(timeIntervalSince1970: 2_000_000_000), scope: "a b")

    private func folder() throws -> String {
        let path = NSTemporaryDirectory() + "quota-tokens-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        return path
    }

    private func mode(_ path: String) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    @Test func tokensComeBackAndAreNotReadable() async throws {
        let folder = try folder() + "/deep"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let warnings = Mutex<[String]>([])
        let store = FileTokenStore(folder: folder, secretTool: "") { text in warnings.withLock { $0.append(text) } }
        #expect(try await store.get("a") == nil)
        #expect(!FileManager.default.fileExists(atPath: folder))
        try await store.set(tokens, for: "a")
        var other = tokens
        other.accessToken = "quota_token_other"
        try await store.set(other, for: "b")
        #expect(try await store.get("a") == tokens)
        #expect(try await FileTokenStore(folder: folder, secretTool: "").get("b") == other)
        for name in ["tokens", "tokens.key"] {
            #expect(try mode("\(folder)/\(name)") == 0o600)
            let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
            #expect(bytes.range(of: Data("seen".utf8)) == nil)
        }
        #expect(try mode(folder) == 0o700)
        try await store.delete("a")
        #expect(try await store.get("a") == nil)
        #expect(try await store.get("b") == other)
        #expect(warnings.withLock { $0.count } == 1)
        // Nothing half-made is left.
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        #expect(names == ["tokens", "tokens.key", "tokens.lock"])
    }

    @Test(arguments: ["tokens", "tokens.key"]) func aFileThatOthersReadIsRefused(name: String) async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = FileTokenStore(folder: folder, secretTool: "")
        try await store.set(tokens, for: "a")
        for mode in [0o644, 0o640, 0o604, 0o666] {
            chmod("\(folder)/\(name)", mode_t(mode))
            do {
                _ = try await store.get("a")
                Issue.record("read with mode \(mode)")
            } catch TokenStoreError.unsafe(let path, _) {
                #expect(path == "\(folder)/\(name)")
            }
        }
        chmod("\(folder)/\(name)", 0o600)
        #expect(try await store.get("a") == tokens)
        chmod(folder, 0o777)
        do {
            try await store.set(tokens, for: "a")
            Issue.record("written into a folder of everyone's")
        } catch TokenStoreError.unsafe {}
    }

    @Test func aLinkAndADamagedFileAreRefused() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = FileTokenStore(folder: folder, secretTool: "")
        try await store.set(tokens, for: "a")
        let path = folder + "/tokens"
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        for index in stride(from: bytes.count / 2, to: bytes.count - 10, by: 7) {
            var damaged = bytes
            damaged[index] = damaged[index] == 0x41 ? 0x42 : 0x41
            guard damaged != bytes else { continue }
            try damaged.write(to: URL(fileURLWithPath: path))
            await #expect(throws: (any Error).self) { try await store.get("a") }
        }
        for bad in [Data(), Data("{}".utf8), bytes.prefix(40)] {
            try bad.write(to: URL(fileURLWithPath: path))
            await #expect(throws: TokenStoreError.damaged(path: path)) { try await store.get("a") }
        }
        try FileManager.default.removeItem(atPath: path)
        symlink("/etc/hostname", path)
        await #expect(throws: TokenStoreError.unsafe(path: path, reason: "it is a link")) { try await store.get("a") }
    }

    @Test func aKeyringKeepsTheKeyWhereThereIsOne() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // Speaks as secret-tool does, keeps what it is given in a file, and notes its arguments.
        let tool = folder + "/secret-tool"
        let script = """
            #!/bin/sh
            printf '%s\\n' "$*" >> "\(folder)/arguments"
            case "$1" in
            store) cat > "\(folder)/kept" ;;
            lookup) [ -f "\(folder)/kept" ] && cat "\(folder)/kept" ;;
            esac
            """
        try writeProgram(script, to: tool)
        let warnings = Mutex(0)
        let store = FileTokenStore(folder: folder + "/s", secretTool: tool) { _ in warnings.withLock { $0 += 1 } }
        try await store.set(tokens, for: "a")
        #expect(try await store.get("a") == tokens)
        #expect(!FileManager.default.fileExists(atPath: folder + "/s/tokens.key"))
        #expect(warnings.withLock { $0 } == 0)
        let key = try String(contentsOfFile: folder + "/kept", encoding: .utf8)
        #expect(key.count == 43)
        #expect(try !String(contentsOfFile: folder + "/arguments", encoding: .utf8).contains(key))
        try FileManager.default.removeItem(atPath: folder + "/kept")
        await #expect(throws: TokenStoreError.keyringUnavailable) { try await store.get("a") }
        // A keyring that refuses leads to the key file.
        try writeProgram("#!/bin/sh\nexit 1\n", to: tool)
        let fallback = FileTokenStore(folder: folder + "/t", secretTool: tool)
        try await fallback.set(tokens, for: "a")
        #expect(try mode(folder + "/t/tokens.key") == 0o600)
    }

    /// Foundation's `Process` read beyond the list of open files where it was long, and crashed sooner or later.
    @Test func manyOpenFilesAreNoTrouble() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let tool = folder + "/tool"
        let script = """
            #!/bin/sh
            ls /proc/self/fd | wc -l >> "\(folder)/inherited"
            case "$1" in store) cat > "\(folder)/kept" ;; *) cat "\(folder)/kept" ;; esac
            """
        try writeProgram(script, to: tool)
        let files = (0..<1_400).map { _ in open("/dev/null", O_RDONLY) }
        defer { for file in files { close(file) } }
        try #require(files.allSatisfy { $0 >= 0 })
        let store = FileTokenStore(folder: folder + "/s", secretTool: tool)
        try await store.set(tokens, for: "a")
        for _ in 0..<40 {
            #expect(try await FileTokenStore(folder: folder + "/s", secretTool: tool).get("a") == tokens)
            let child = ChildProcess()
            child.executableURL = URL(fileURLWithPath: "/bin/true")
            try child.run()
            child.waitUntilExit()
            #expect(child.terminationStatus == 0)
        }
        // The three that it was given, and the folder that it lists.
        let counts = try String(contentsOfFile: folder + "/inherited", encoding: .utf8).split(separator: "\n")
        #expect(counts.count >= 40)
        #expect(counts.allSatisfy { $0.filter(\.isNumber) == "4" }, "\(counts)")
    }

    @Test func manyWritersLoseNothing() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<24 {
                // A store of its own each, as separate processes have: only the file's lock is between them.
                group.addTask {
                    try await FileTokenStore(folder: folder, secretTool: "").set(tokens, for: "user-\(index)")
                }
            }
            try await group.waitForAll()
        }
        let store = FileTokenStore(folder: folder, secretTool: "")
        for index in 0..<24 { #expect(try await store.get("user-\(index)") == tokens) }
    }

    @Test func anotherProcessLocksUsOut() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = FileTokenStore(folder: folder, secretTool: "")
        try await store.set(tokens, for: "a")
        let process = ChildProcess()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "flock", "\(folder)/tokens.lock", "sh", "-c", "echo locked; sleep 0.5; date +%s%N > \(folder)/unlocked",
        ]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        #expect(try output.fileHandleForReading.read(upToCount: 6) == Data("locked".utf8))
        try await store.set(tokens, for: "b")
        #expect(FileManager.default.fileExists(atPath: folder + "/unlocked"))
        process.waitUntilExit()
    }

    @Test func onlyOneRefreshesAcrossStores() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let world = try await Peer.shared.world([:], ["token_seconds": 0.2])
        let first = FileTokenStore(folder: folder, secretTool: "")
        try await first.set(TokenSet(accessToken: "quota_token_stale", refreshToken: "quota_refresh_0"), for: "default")
        let clients = try (0..<6).map { _ in
            try world.signedIn(isStale: true) { $0.tokenStore = FileTokenStore(folder: folder, secretTool: "") }
        }
        try await withThrowingTaskGroup(of: String.self) { group in
            for client in clients { group.addTask { try await client.getMe().id } }
            for try await id in group { #expect(id == "user_1") }
        }
        #expect(try await world.count("POST /oauth/token") == 1)
        #expect(try await first.get("default")?.refreshToken == "quota_refresh_1")
    }
}
