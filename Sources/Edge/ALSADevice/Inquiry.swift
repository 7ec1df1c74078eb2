import CRealtime
import Glibc
import Synchronization

/// What one device can do, asked on a thread of its own: a sound system that stands still answers never.
final class Inquiry: @unchecked Sendable {
    private static let nanosecondsMax = Int64.seconds(3)
    /// Once one has not answered, the others are likely to be behind the same sound system.
    private static let hurriedNanosecondsMax = Int64.milliseconds(500)
    private static let open = Atomic<Int>(0)

    /// Whether a thread still waits for its answer.
    static var isOneOpen: Bool { open.load(ordering: .acquiring) > 0 }

    private let name: String
    private let direction: DeviceDirection
    private let descriptor = crt_eventfd_create()
    private let answer = Mutex<Result<DeviceCapabilities, DeviceError>?>(nil)

    private init(_ name: String, _ direction: DeviceDirection) {
        self.name = name
        self.direction = direction
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    static func ask(_ name: String, _ direction: DeviceDirection) -> Result<DeviceCapabilities, DeviceError> {
        let limit = isOneOpen ? hurriedNanosecondsMax : nanosecondsMax
        let inquiry = Inquiry(name, direction)
        guard inquiry.descriptor >= 0, inquiry.start() else {
            return .failure(DeviceError(.outOfResources, device: name, "\(name): no thread or descriptor is left"))
        }
        var entry = pollfd(fd: inquiry.descriptor, events: Int16(POLLIN), revents: 0)
        _ = crt_poll(&entry, 1, limit)
        return inquiry.answer.withLock { $0 } ?? .failure(DeviceFailure.unresponsive(name))
    }

    private func start() -> Bool {
        Self.open.add(1, ordering: .acquiringAndReleasing)
        let context = Unmanaged.passRetained(self)
        let code = crt_thread_start(
            { context in
                guard let context else { return nil }
                Unmanaged<Inquiry>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
        guard code != 0 else { return true }
        Self.open.subtract(1, ordering: .acquiringAndReleasing)
        context.release()
        return false
    }

    private func run() {
        let found: Result<DeviceCapabilities, DeviceError>
        do throws(DeviceError) {
            found = .success(try SoundDevices.capabilities(of: name, direction))
        } catch {
            found = .failure(error)
        }
        answer.withLock { $0 = found }
        Self.open.subtract(1, ordering: .acquiringAndReleasing)
        crt_eventfd_signal(descriptor)
    }
}
