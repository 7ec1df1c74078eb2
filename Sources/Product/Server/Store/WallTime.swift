import Foundation
import GRDB

/// A moment of the calendar in whole milliseconds since 1970, as the database keeps it.
package struct WallTime: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let milliseconds: Int64

    package init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    package static var now: WallTime {
        WallTime(milliseconds: Int64((Date().timeIntervalSince1970 * 1_000).rounded(.down)))
    }

    /// Whole seconds, as JWTs have it.
    package var seconds: Int64 { milliseconds / 1_000 }

    package var date: Date { Date(timeIntervalSince1970: Double(milliseconds) / 1_000) }

    package func adding(seconds: Int64) -> WallTime {
        WallTime(milliseconds: milliseconds + seconds * 1_000)
    }

    package func adding(milliseconds: Int64) -> WallTime {
        WallTime(milliseconds: self.milliseconds + milliseconds)
    }

    package static func < (left: WallTime, right: WallTime) -> Bool {
        left.milliseconds < right.milliseconds
    }

    /// ISO 8601 with milliseconds, in UTC.
    package var description: String {
        date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
}

extension WallTime: DatabaseValueConvertible {
    package var databaseValue: DatabaseValue { milliseconds.databaseValue }

    package static func fromDatabaseValue(_ value: DatabaseValue) -> WallTime? {
        Int64.fromDatabaseValue(value).map { WallTime(milliseconds: $0) }
    }
}

/// On the wire a moment is ISO 8601 text.
extension WallTime: Encodable {
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
