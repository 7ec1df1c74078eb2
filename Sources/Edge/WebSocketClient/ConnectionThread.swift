import CRealtime
import Glibc
import VoiceRealtime
import VoiceSecureStream
import VoiceWebSocket

/// The thread of one `WebSocketConnection`: it alone touches the driver.
final class ConnectionThread {
    /// More waiting to be sent than this makes tasks wait in `send`, in bytes.
    private static let sendQueueHighWater = 1 << 18

    private let driver: WebSocketDriver
    private let mailbox: ConnectionMailbox
    private let sendQueueBytesMax: Int

    private init(_ driver: WebSocketDriver, _ mailbox: ConnectionMailbox, _ limits: WebSocketLimits) {
        self.driver = driver
        self.mailbox = mailbox
        sendQueueBytesMax = limits.sendQueueBytesMax
    }

    /// Starts the thread, which owns `driver` from now on and ends with its connection.
    static func start(
        _ driver: sending WebSocketDriver, _ mailbox: ConnectionMailbox, limits: WebSocketLimits
    ) throws(WebSocketError) {
        let body = Unmanaged.passRetained(ConnectionThread(driver, mailbox, limits))
        let code = crt_thread_start(
            { context in
                guard let context else { return nil }
                Unmanaged<ConnectionThread>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        guard code == 0 else {
            body.release()
            throw .outOfDescriptors(errno: code)
        }
    }

    private func run() {
        crt_thread_name("websocket")
        do throws(WebSocketError) {
            try driver.connect()
        } catch {
            return mailbox.opened(.failure(error))
        }
        mailbox.opened(
            .success(OpenedConnection(url: driver.connectedURL ?? driver.url, subprotocol: driver.subprotocol)))
        while !turn() {}
    }

    /// One round: commands in, events out, then wait. True when the connection has ended.
    private func turn() -> Bool {
        if mailbox.isAbandoned { driver.abort() }
        while let command = mailbox.takeCommand(hasRoom: hasRoom) { apply(command) }
        driver.isReceivingPaused = mailbox.isFull
        while let event = driver.nextEvent() {
            switch event {
            case .text(let text): mailbox.deliver(.text(text))
            case .binary(let bytes): mailbox.deliver(.binary(bytes))
            case .closed(let closure):
                mailbox.publish(driver.metrics, answeredPing: driver.lastAnsweredPing)
                mailbox.ended(closure)
                return true
            }
            driver.isReceivingPaused = mailbox.isFull
        }
        mailbox.publish(driver.metrics, answeredPing: driver.lastAnsweredPing)
        // The driver's own timers end its waits; this bound is for no one.
        let far = monotonicNow().advanced(byNanoseconds: .seconds(3600))
        return (try? driver.wait(until: far)) == nil
    }

    private func hasRoom(_ count: Int) -> Bool {
        let pending = driver.pendingSendBytes
        return pending == 0 || (pending < Self.sendQueueHighWater && pending + count <= sendQueueBytesMax)
    }

    private func apply(_ command: ConnectionCommand) {
        do throws(WebSocketError) {
            switch command {
            case .send(let message, let waiter):
                switch message {
                case .text(let text): try driver.sendText(text)
                case .binary(let bytes): try driver.sendBinary(bytes)
                }
                waiter.resume(.success(()))
            case .ping(let waiter):
                mailbox.pingSent(try driver.ping(), waiter)
            case .close(let code, let reason):
                driver.close(code: code, reason: reason)
            case .heartbeat(let seconds):
                driver.heartbeatSeconds = seconds
            }
        } catch {
            command.refuse(error)
        }
    }
}
