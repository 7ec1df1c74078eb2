import Foundation
import Hummingbird
import NIOCore

/// Reads what a request brings: JSON objects of a bounded size.
enum JSONRequest {
    static let bytesMax = 1 << 20

    /// - Throws: ``APIError`` for what is no JSON object, and for one that is too large or nested too deeply.
    static func decode<Value: Decodable>(
        _ type: Value.Type, from request: Request, bytesMax: Int = JSONRequest.bytesMax
    ) async throws -> Value {
        let body = try await bytes(of: request, bytesMax: bytesMax)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: body)
    }

    /// The body as a tree, its names as they came.
    static func tree(from request: Request, bytesMax: Int = JSONRequest.bytesMax) async throws -> JSONTree {
        let body = try await bytes(of: request, bytesMax: bytesMax)
        let tree = try JSONDecoder().decode(JSONTree.self, from: body)
        guard case .object = tree else { throw APIError.badRequest("the body is not a JSON object") }
        return tree
    }

    private static func bytes(of request: Request, bytesMax: Int) async throws -> Data {
        if let type = request.headers[.contentType]?.lowercased(), !type.hasPrefix("application/json") {
            throw APIError(
                .unsupportedMediaType, "unsupported_media_type", "the body must be JSON",
                hint: "send Content-Type: application/json")
        }
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > bytesMax { throw tooLarge }
        do {
            let buffer = try await request.body.collect(upTo: bytesMax)
            guard buffer.readableBytes > 0 else { throw APIError.badRequest("the body is empty; send JSON") }
            let data = Data(buffer.readableBytesView)
            guard nesting(of: data) <= 64 else { throw APIError.badRequest("the body is nested too deeply") }
            return data
        } catch is NIOTooManyBytesError {
            throw tooLarge
        }
    }

    private static let tooLarge = APIError(.contentTooLarge, "payload_too_large", "the body is too large")

    /// How deep brackets go, those inside of strings not counted: a decoder recurses once for each.
    private static func nesting(of data: Data) -> Int {
        var depth = 0
        var deepest = 0
        var inString = false
        var isEscaped = false
        for byte in data {
            if inString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    inString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): inString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                deepest = max(deepest, depth)
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
        }
        return deepest
    }

    /// A part of the path as its sender meant it: `%2F` is a letter of the name, not a separator.
    static func parameter(_ name: String, of context: QuotaContext, bytesMax: Int = 256) throws -> String {
        guard let value = context.parameters.get(name)?.removingPercentEncoding, !value.isEmpty,
            value.utf8.count <= bytesMax, !value.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 })
        else { throw APIError.badRequest("the path has no good \(name)") }
        return value
    }
}

/// What people type, held to what the database should have.
enum TextRule {
    /// A name of something: printable, of 1 to 100 characters.
    static func name(_ text: String?, of what: String) throws -> String {
        let trimmed = (text ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
        guard (1...100).contains(trimmed.count), trimmed.utf8.count <= 400, isPrintable(trimmed) else {
            throw APIError.badRequest("\(what) must have from 1 to 100 printable characters")
        }
        return trimmed
    }

    /// Neither controls nor line ends, nor marks that turn the order of what follows around: a name must not be able to
    /// change the words beside it.
    static func isPrintable(_ text: String) -> Bool {
        !text.unicodeScalars.contains { scalar in
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned: true
            default: 0x202A...0x202E ~= scalar.value || 0x2066...0x2069 ~= scalar.value
            }
        }
    }

    /// An address of at most 254 bytes (RFC 5321 §4.5.3.1.3), in lower case.
    static func email(_ text: String?) throws -> String {
        let email = (text ?? "").trimmingCharacters(in: .whitespaces).lowercased()
        let parts = email.split(separator: "@", omittingEmptySubsequences: false)
        guard email.utf8.count <= 254, parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty,
            !email.unicodeScalars.contains(where: { $0.value <= 32 || $0.value == 127 })
        else { throw APIError.badRequest("email must be an e-mail address") }
        return email
    }

    static func password(_ text: String?) throws -> String {
        guard let text, (8...256).contains(text.count), text.utf8.count <= 1_024 else {
            throw APIError.badRequest("password must have from 8 to 256 characters")
        }
        return text
    }

    /// An absolute address that a browser may be sent to.
    static func address(_ text: String, of what: String) throws -> String {
        guard RedirectAddress(text) != nil else {
            throw APIError.badRequest("\(what) must be https, or http on localhost or 127.0.0.1, without # and *")
        }
        return text
    }
}
