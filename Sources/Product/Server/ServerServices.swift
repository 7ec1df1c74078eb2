import Logging

/// What the handlers of all areas share.
package struct ServerServices: Sendable {
    package let store: Store
    package let logger: Logger
}
