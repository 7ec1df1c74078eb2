import Foundation
import ProcessSupport
import QuotaAPI
import Testing

/// A known credential, searched for in whatever the command leaves, says and shows.
@Suite(.boundedCrowd) struct SecretsTests {
    /// A person's home with a credential in it, and a desktop whose browser notes what it is given.
    private struct Home {
        let scratch: Scratch
        let secret = "sk-quota-\(UUID().uuidString)"
        let file: String
        let sound: String

        init() throws {
            scratch = try Scratch()
            file = try scratch.write("key", secret + "\n")
            chmod(file, 0o600)
            sound = try WaveSound.speech(seconds: 0.5).write(to: scratch("in.wav"))
            try scratch.program(
                "xdg-open",
                """
                #!/bin/sh
                tr '\\0' '\\n' < /proc/$$/environ > "$HOME/browser.environ"
                printf '%s\\n' "$@" > "$HOME/browser.new"
                mv "$HOME/browser.new" "$HOME/browser.arguments"
                """)
        }

        /// Waits for the browser: the command leaves it to itself after some seconds.
        func awaitBrowser() async throws {
            let deadline = ContinuousClock.now + .seconds(60)
            while !scratch.exists("browser.arguments"), ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(10))
            }
        }

        func environment(_ world: World, inFile: Bool) -> [String: String] {
            var environment = [
                "QUOTA_BASE_URL": world.baseURL, "HOME": scratch.path, "DISPLAY": ":99",
                "PATH": scratch.path + ":/usr/bin:/bin",
            ]
            if !inFile { environment["QUOTA_API_KEY"] = secret }
            return environment
        }

        func arguments(_ words: [String], inFile: Bool) -> [String] {
            words + (inFile && words[0] != "login" ? ["--token-file", file] : [])
        }

        static func relay(_ world: World) -> String { world.baseURL + "/v1/audio/voice-conversion" }

        /// The commands that hold a credential.
        func commands(_ world: World) -> [[String]] {
            [
                ["whoami"], ["balance", "--json"], ["packages"], ["models", "--json"], ["chat", "hello"],
                ["chat", "hello", "--json"], ["topup", "pack_5", "--no-wait"],
                ["convert", sound, "-o", scratch("\(UUID().uuidString).wav"), "--relay", Self.relay(world), "--json"],
            ]
        }
    }

    @Test(arguments: [true, false], [true, false])
    func whatACommandSaysHoldsNoCredential(inFile: Bool, isRefused: Bool) async throws {
        let home = try Home()
        // The server of a wrong key quotes it.
        let world = try await Peer.shared.world([:], isRefused ? [:] : ["key": .string(home.secret)])
        for command in home.commands(world) {
            let outcome = try await Command.quotaVoice(
                home.arguments(command, inFile: inFile), environment: home.environment(world, inFile: inFile))
            let isPublic = command[0] == "packages"
            #expect((outcome.status == 0) == (!isRefused || isPublic), "\(command): \(outcome.errors)")
            #expect(!(outcome.output + outcome.errors).contains(home.secret), "\(command)")
        }
        if !isRefused { try await home.awaitBrowser() }
        // Nothing else in the home holds it: no cache, no log, no history.
        for name in home.scratch.files where name != "key" {
            guard let bytes = try? home.scratch.read(name) else { continue }
            #expect(bytes.range(of: Data(home.secret.utf8)) == nil, "\(name)")
        }
        guard !isRefused else { return }
        let given = String(decoding: try home.scratch.read("browser.arguments"), as: UTF8.self)
        #expect(given == "https://pay.example/pack_5\n")
    }

    /// Runs a command with the largest core file allowed, and says whether its end left one.
    private static let runner = """
        import ctypes, os, resource, signal, sys
        # The threads of a test run block signals, and what they start inherits that.
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
        child = os.fork()
        if child == 0:
            # PR_SET_PDEATHSIG: it ends with its parent, whatever becomes of that.
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)
            os.execv(sys.argv[1], sys.argv[1:])
        print(child, flush=True)
        status = os.waitpid(child, 0)[1]
        print("core" if os.WCOREDUMP(status) else "none", os.WTERMSIG(status), flush=True)
        """

    private func run(_ words: [String], _ environment: [String: String], in folder: String) async throws
        -> (process: RunningProcess, child: Int32)
    {
        let process = try RunningProcess(
            Checkout.python, ["-c", Self.runner] + words, environment: environment, folder: folder)
        try await process.wait(for: "the child") { process.outputSoFar.contains("\n") }
        return (process, try #require(Int32(process.outputSoFar.split(separator: "\n")[0])))
    }

    /// The texts of a process and of those that it started, as anybody on the machine may read them.
    private func shown(_ ancestor: Int32) throws -> [(what: String, text: String)] {
        var parents: [Int32: Int32] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let identifier = Int32(name),
                let status = try? String(contentsOfFile: "/proc/\(name)/stat", encoding: .utf8),
                // The name before it, in parentheses, may hold anything.
                let rest = status.split(separator: ")").last?.split(separator: " "), rest.count > 1
            else { continue }
            parents[identifier] = Int32(rest[1])
        }
        func descends(_ identifier: Int32) -> Bool {
            var next: Int32? = identifier
            while let current = next, current > 1 {
                if current == ancestor { return true }
                next = parents[current]
            }
            return false
        }
        return parents.keys.filter(descends).flatMap { identifier in
            // A process's own environment is where the caller put the key.
            let files = identifier == ancestor ? ["cmdline", "comm"] : ["cmdline", "comm", "environ"]
            return files.map { file in
                let bytes = FileManager.default.contents(atPath: "/proc/\(identifier)/\(file)") ?? Data()
                return ("\(identifier)/\(file)", String(decoding: bytes, as: UTF8.self))
            }
        }
    }

    @Test(arguments: [true, false])
    func aCommandThatIsAbortedLeavesNoCoreFile(inFile: Bool) async throws {
        let home = try Home()
        // Without our care such an end does leave one.
        let control = try await run(["/bin/sleep", "600"], [:], in: home.scratch.path)
        kill(control.child, SIGABRT)
        #expect(try await control.process.result().output.hasSuffix("core \(SIGABRT)\n"))
        let before = home.scratch.files
        let endpoints = [
            ["whoami"]: "GET /v1/me", ["chat", "hello"]: "POST /v1/chat/completions",
            ["convert", home.sound, "-o", home.scratch("out.wav"), "--quiet"]: "GET /v1/audio/voice-conversion",
        ]
        for (command, endpoint) in endpoints {
            let action: QuotaJSON = endpoint.contains("audio") ? ["voice": ["deaf": true]] : ["silent": 20]
            let world = try await Peer.shared.world([endpoint: action], ["key": .string(home.secret)])
            let words = command + (command[0] == "convert" ? ["--relay", Home.relay(world)] : [])
            var environment = home.environment(world, inFile: inFile)
            // Swift's own report of a crash, which shows memory, asked for as strongly as one can.
            environment["SWIFT_BACKTRACE"] = "enable=yes,registers=all"
            let running = try await run(
                [Checkout.binary] + home.arguments(words, inFile: inFile), environment, in: home.scratch.path)
            while try await world.count(endpoint) == 0 {
                try #require(!running.process.hasEnded, "\(command): \(running.process.errorsSoFar)")
                try await Task.sleep(for: .milliseconds(20))
            }
            let shown = try shown(running.child)
            #expect(shown.contains { $0.text.contains(command[0]) })
            for (what, text) in shown { #expect(!text.contains(home.secret), "\(command): \(what)") }
            kill(running.child, SIGABRT)
            let end = try await running.process.result()
            #expect(end.output.contains("none "), "\(command): \(end.output)")
            #expect(!(end.output + end.errors).contains(home.secret), "\(command)")
        }
        #expect(home.scratch.files.filter { !before.contains($0) && $0.contains("core") } == [])
    }

    /// What the command starts has no use for its credentials.
    @Test func aBrowserGetsNoCredential() async throws {
        let home = try Home()
        let world = try await Peer.shared.world([:], ["key": .string(home.secret)])
        var environment = home.environment(world, inFile: false)
        environment["QUOTA_WEBHOOK_SECRET"] = "whsec_" + home.secret
        let topup = try await Command.quotaVoice(["topup", "pack_5", "--no-wait"], environment: environment)
        #expect(topup.status == 0, "\(topup.errors)")
        try await home.awaitBrowser()
        let given = String(decoding: try home.scratch.read("browser.environ"), as: UTF8.self)
        #expect(given.contains("HOME="))
        #expect(!given.contains(home.secret))
    }
}
