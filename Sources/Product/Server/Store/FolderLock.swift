import Foundation

/// Holds a data folder for one server: two would settle each other's sessions. Let go with this object, or when the
/// process dies.
package final class FolderLock: Sendable {
    package struct Taken: Error {}

    private let descriptor: Int32

    /// - Throws: ``Taken`` when another process has it.
    package init(folder: String) throws {
        descriptor = open(folder + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw CocoaError(.fileWriteNoPermission) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw Taken()
        }
    }

    deinit {
        close(descriptor)
    }
}
