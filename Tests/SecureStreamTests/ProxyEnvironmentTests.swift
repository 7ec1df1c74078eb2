import Testing
import VoiceSecureStream

/// What the environment's variables mean; values are given, the process's own environment is not touched.
struct ProxyEnvironmentTests {
    private func choice(
        _ variables: [String: String], host: String = "relay.example", port: Int = 443, isTLS: Bool = true
    ) throws -> String? {
        try ProxyEnvironment.proxy(
            host: host, port: port, isTLS: isTLS, peer: host, variable: { variables[$0] })?.description
    }

    @Test func variables_and_their_order() throws {
        #expect(try choice([:]) == nil)
        #expect(try choice(["HTTPS_PROXY": "http://a:1", "ALL_PROXY": "http://b:2"]) == "a:1")
        #expect(try choice(["HTTPS_PROXY": "http://a:1", "https_proxy": "http://c:3"]) == "c:3")
        #expect(try choice(["HTTPS_PROXY": "", "all_proxy": "http://b:2"]) == "b:2")
        #expect(try choice(["HTTPS_PROXY": "http://a:1"], isTLS: false) == nil)
        #expect(try choice(["HTTPS_PROXY": "http://a:1", "ALL_PROXY": "http://b:2"], isTLS: false) == "b:2")
        // HTTP_PROXY in capitals can be set by a CGI request's header, and is about other traffic.
        #expect(try choice(["HTTP_PROXY": "http://a:1"]) == nil)
    }

    @Test func plain_bytes_for_this_machine_stay_on_it() throws {
        let variables = ["HTTPS_PROXY": "http://a:1", "ALL_PROXY": "http://b:2"]
        for host in ["localhost", "relay.localhost.", "127.0.0.1", "127.9.9.9", "::1"] {
            #expect(try choice(variables, host: host, isTLS: false) == nil, "\(host)")
            #expect(try choice(variables, host: host, isTLS: true) == "a:1", "\(host)")
        }
        for host in ["localhost.example", "128.0.0.1", "::2", "::ffff:127.0.0.1"] {
            #expect(try choice(variables, host: host, isTLS: false) == "b:2", "\(host)")
        }
    }

    @Test func forms_of_the_url() throws {
        let forms = [
            "http://p.example:3128": "p.example:3128", "p.example:3128": "p.example:3128", "p.example": "p.example:80",
            "HTTP://p.example:3128/": "p.example:3128", "http://u:p@p.example:3128": "p.example:3128",
            "http://u:p%40ss@p.example": "p.example:80", "u@p.example:1": "p.example:1",
            "http://[::1]:3128": "[::1]:3128", "http://10.0.0.1:8080/path?x#y": "10.0.0.1:8080",
        ]
        for (url, expected) in forms {
            #expect(try choice(["HTTPS_PROXY": url]) == expected, "\(url)")
        }
    }

    @Test func bad_settings_are_errors_without_their_text() {
        let bad = [
            "http://user:s3cret@", "http://user:s3cret@host:port", "http://user:s3cret@ho st:1",
            "http://u%zz:s3cret@host", "http://user:s3cret%0d%0aX@host:1", "http://user:s3cret@host:0",
            "http://user:s3cret@host:65536", "socks5://user:s3cret@host:1080", "https://user:s3cret@host:1",
            "http://user:s3cret@[::1:1", "http://host:1\r\nX: s3cret",
        ]
        for url in bad {
            let error = #expect(throws: StreamError.self) { _ = try choice(["HTTPS_PROXY": url]) }
            guard case .badOption(let text) = error?.cause else {
                Issue.record("\(url) gave \(String(describing: error))")
                continue
            }
            #expect(text.contains("HTTPS_PROXY") && !text.contains("s3cret"), "\(text)")
        }
    }

    @Test(arguments: [
        // list, host, port, exempt
        ("*", "relay.example", 443, true), ("relay.example", "relay.example", 443, true),
        ("RELAY.example.", "relay.EXAMPLE", 443, true), ("example", "relay.example", 443, true),
        (".example", "relay.example", 443, true), ("*.example", "relay.example", 443, true),
        ("lay.example", "relay.example", 443, false), ("a.relay.example", "relay.example", 443, false),
        ("x, relay.example ,y", "relay.example", 443, true), ("x relay.example", "relay.example", 443, true),
        ("relay.example:443", "relay.example", 443, true), ("relay.example:444", "relay.example", 443, false),
        ("", "relay.example", 443, false), (",,", "relay.example", 443, false), (".", "relay.example", 443, false),
        ("10.0.0.1", "10.0.0.1", 443, true), ("10.0.0.1", "10.0.0.10", 443, false),
        ("10.0.0.0/8", "10.1.2.3", 443, true), ("10.0.0.0/8", "11.1.2.3", 443, false),
        ("10.0.0.0/0", "11.1.2.3", 443, true), ("10.0.0.0/33", "10.0.0.0", 443, false),
        ("10.0.0.0/-1", "10.0.0.0", 443, false), ("10.0.0.0/8", "relay.example", 443, false),
        ("::1", "::1", 443, true), ("[::1]:443", "::1", 443, true), ("0:0::1", "::1", 443, true),
        ("fd00::/8", "fd12::1", 443, true), ("fd00::/8", "fe80::1", 443, false), (".1", "10.0.0.1", 443, false),
    ])
    func no_proxy(_ list: String, _ host: String, _ port: Int, _ isExempt: Bool) throws {
        let proxy = try choice(["HTTPS_PROXY": "http://p:1", "NO_PROXY": list], host: host, port: port)
        #expect((proxy == nil) == isExempt)
    }
}
