import Foundation
import ProcessSupport
import Testing

/// The server's shell: TLS, settings, slow clients, logs.
@Suite(.boundedCrowd) struct ShellTests {
    /// Starts `serve` with these options and waits until it listens.
    private func serve(_ options: [String], environment: [String: String] = [:]) async throws -> RunningProcess {
        let folder = try Scratch()
        let keys = try folder.write("keys", "sk-s 1000000\n")
        let process = try RunningProcess(
            Checkout.binary, ["serve", "--token-file", keys] + options, environment: environment)
        try await process.wait(for: "listening on") { process.errorsSoFar.contains("try:") }
        return process
    }

    private func port(_ process: RunningProcess) throws -> String {
        let match = try #require(process.outputSoFar.firstMatch(of: /listening on wss?:\/\/[^:]+:(\d+)\//))
        return String(match.output.1)
    }

    @Test func aDevelopmentAuthorityIsMadeOnceAndTrusted() async throws {
        let data = try Scratch()
        let options = ["--port", "0", "--dev-ca", "--data", data.path]
        var authority = Data()
        for _ in 0..<2 {
            let process = try await serve(options)
            #expect(process.outputSoFar.contains("wss://"))
            #expect(process.errorsSoFar.contains("dev-ca.pem"))
            let url = "https://localhost:\(try port(process))/readyz"
            #expect(try await Command.tool(["curl", "-sS", "--cacert", data("dev-ca.pem"), url]) == "ready\n")
            let stranger = try await Command.run("/usr/bin/curl", ["-sS", url])
            #expect(stranger.status == 60)
            let pem = try data.read("dev-ca.pem")
            #expect(authority.isEmpty || authority == pem)
            authority = pem
            for secret in ["dev-ca.key", "dev-server.key", "quota.sqlite"] {
                var status = stat()
                #expect(stat(data(secret), &status) == 0)
                #expect(status.st_mode & 0o077 == 0, "\(secret)")
            }
            try await Command.tool(
                [
                    "openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", data("dev-ca.pem"),
                    data("dev-server.pem"),
                ])
            process.signal(SIGTERM)
            #expect(try await process.result().status == 0)
        }
        // The same certificate, given by hand; and a voice over wss.
        let given = try await serve([
            "--port", "0", "--tls-cert", data("dev-server.pem"), "--tls-key", data("dev-server.key"),
        ])
        let script = """
            import asyncio, json, ssl, sys
            from websockets.legacy.client import connect
            async def main(url, ca):
                context = ssl.create_default_context(cafile=ca)
                async with connect(url, ssl=context) as socket:
                    await socket.send(json.dumps({"type": "auth", "token": "sk-s", "voice": "rachel",
                        "format": "pcm_16le_16k_mono", "max_duration_seconds": 2}))
                    print(await socket.recv())
            asyncio.run(main(*sys.argv[1:]))
            """
        let url = "wss://localhost:\(try port(given))/v1/audio/voice-conversion"
        let spoken = try await Command.run(Checkout.python, ["-c", script, url, data("dev-ca.pem")])
        #expect(spoken.output.contains(#""reserved_credits":5000"#), "\(spoken.errors)")
    }

    @Test func certificatesThatCanNotBeUsed() async throws {
        let folder = try Scratch()
        let keys = try folder.write("keys", "sk-s\n")
        let junk = try folder.write("junk.pem", "nothing\n")
        let result = try await Command.quotaVoice([
            "serve", "--port", "0", "--token-file", keys, "--tls-cert", junk, "--tls-key", junk,
        ])
        #expect(result.status == 66)
        #expect(result.errors.contains("--tls-cert"), "\(result.errors)")
        let half = try await Command.quotaVoice(["serve", "--tls-cert", junk])
        #expect(half.status == 64)
        let homeless = try await Command.quotaVoice(["serve", "--dev-ca", "--token-file", keys])
        #expect(homeless.status == 64)
        #expect(homeless.errors.contains("--data"))
    }

    @Test func optionsWinOverTheEnvironmentAndThatOverTheFile() async throws {
        let folder = try Scratch()
        let file = try folder.write(
            "settings.json", #"{"port":0,"publicUrl":"https://file.example","heartbeat":2,"sessions":3}"#)
        func checkout(_ options: [String], _ environment: [String: String]) async throws -> String {
            let process = try await serve(["--config", file] + options, environment: environment)
            let answer = try await Command.tool([
                "curl", "-sS", "http://127.0.0.1:\(try port(process))/api/payments/checkout", "-H", "X-API-Key: sk-s",
                "-H", "Content-Type: application/json", "-d",
                #"{"package_id":"pack_5","success_url":"https://a.example/","cancel_url":"https://a.example/"}"#,
            ])
            return String(answer.firstMatch(of: /https:\/\/(\w+)\.example\/checkout/)?.output.1 ?? "\(answer)")
        }
        let environment = ["QUOTA_VOICE_PUBLIC_URL": "https://environment.example"]
        #expect(try await checkout([], [:]) == "file")
        #expect(try await checkout([], environment) == "environment")
        #expect(try await checkout(["--public-url", "https://option.example/"], environment) == "option")
        for (text, said) in [("{", "settings"), (#"{"port":"many"}"#, "port"), (#"{"sessions":0}"#, "sessions")] {
            let result = try await Command.quotaVoice([
                "serve", "--token-file", try folder.write("keys", "sk-s\n"), "--config", try folder.write("bad", text),
            ])
            #expect(result.status == 64)
            #expect(result.errors.contains(said), "\(result.errors)")
        }
    }

    /// A client that trickles its request is let go; others are served meanwhile.
    @Test func slowRequestsEnd() async throws {
        let process = try await serve(["--port", "0"])
        let script = """
            import socket, sys, threading, time, urllib.request
            port = int(sys.argv[1])
            def trickle():
                with socket.create_connection(("127.0.0.1", port)) as slow:
                    slow.settimeout(1)
                    slow.sendall(b"GET /healthz HTTP/1.1\\r\\nHost: a\\r\\n")
                    for index in range(100):
                        try:
                            slow.sendall(b"X-%d: a\\r\\n" % index)
                            if slow.recv(1000) == b"": return
                        except socket.timeout: pass
                        except OSError: return
                    print("still open")
            threads = [threading.Thread(target=trickle) for _ in range(50)]
            for thread in threads: thread.start()
            print(urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=20).read())
            for thread in threads: thread.join()
            """
        let result = try await Command.run(Checkout.python, ["-c", script, try port(process)], within: 120)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output == "b'ok\\n'\n")
    }

    @Test func logsHoldNoSecrets() async throws {
        let process = try await serve(["--port", "0"], environment: ["QUOTA_VOICE_LOG_LEVEL": "trace"])
        let base = "http://127.0.0.1:\(try port(process))"
        for words in [
            ["-H", "Authorization: Bearer sk-quota-hidden1", "\(base)/v1/me?access_token=hidden2"],
            [
                "-H", "Content-Type: application/json", "-d", #"{"email":"a@b.example","password":"hidden3hidden3"}"#,
                "\(base)/auth/register",
            ],
            ["-H", "X-API-Key: sk-s", "\(base)/v1/users/hidden4"],
        ] {
            _ = try await Command.tool(["curl", "-sS"] + words)
        }
        process.signal(SIGTERM)
        let result = try await process.result()
        #expect(result.status == 0)
        #expect(result.errors.contains("route=/v1/users/{external_user_id}"), "\(result.errors)")
        #expect(!result.errors.contains("hidden"), "\(result.errors)")
    }
}
