import Foundation
import VoiceRelay

/// The first frame of a client, as it comes. Fields that are missing stay `nil`: the session says which.
struct AuthMessage: Decodable {
    var type: String?
    var token: String?
    var model: String?
    var voice: String?
    var format: String?
    var maxDurationSeconds: Double?
}

/// Any later text frame: `end`, `voice`, or a type that this server does not know.
struct ControlMessage: Decodable {
    var type: String?
    var voice: String?
}

struct ReadyMessage: Encodable {
    let type = RelayProtocol.MessageType.ready
    let sessionId: String
    let reservedCredits: Int
    let heartbeatSeconds: Double
    let features: [String]
    let formats = RelayWire.allCases.map(\.format)
    let delaySamples: Int
    /// Stated only by a relay that takes more than the profile's ceiling.
    let ceilingBytesPerSecond: Int?
}

struct UsageMessage: Encodable {
    let type = RelayProtocol.MessageType.usage
    let seconds: Double
    let creditsUsed: Int
    let creditsLeft: Int
}

struct DoneMessage: Encodable {
    let type = RelayProtocol.MessageType.done
    let seconds: Double
    let creditsUsed: Int
    let creditsRefunded: Int
}

/// What became of a request for another voice.
struct VoiceMessage: Encodable {
    let type = RelayProtocol.MessageType.voice
    /// The one that is in force.
    let voice: String
    var refused: String?
    var message: String?
}

struct ErrorMessage: Encodable {
    let type = RelayProtocol.MessageType.error
    let code: String
    let message: String
    var balance: Int?
    var required: Int?
}

enum RelayJSON {
    static func encode(_ message: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Plain structs of numbers and strings: encoding them has no way to fail.
        guard let data = try? encoder.encode(message) else { preconditionFailure("a message that can't be encoded") }
        return String(decoding: data, as: UTF8.self)
    }

    static func decode<Message: Decodable>(_ type: Message.Type, from text: String) -> Message? {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try? decoder.decode(type, from: Data(text.utf8))
    }
}
