import Foundation
import Hummingbird
import Logging

// A bare Hummingbird: what the server's requests would cost without the server. Says its port, and serves until it is
// ended.

let router = Router()
router.get("health") { _, _ in "ok\n" }
router.get("json") { _, _ in
    // As long as an answer of /v1/balance.
    let text =
        #"{"billing_mode":"developer","developer_balance":1000000,"plan":"free","user_id":"user_0123456789012345678901","#
        + #""wallet":"developer"}"#
    return Response(
        status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
        body: .init(byteBuffer: ByteBuffer(string: text)))
}
var logger = Logger(label: "bare")
logger.logLevel = .warning
let application = Application(
    router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
    onServerRunning: { channel in
        let line = "listening on ws://127.0.0.1:\(channel.localAddress?.port ?? 0)/\n"
        FileHandle.standardOutput.write(Data(line.utf8))
    }, logger: logger)
try await application.runService()
