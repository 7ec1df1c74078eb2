import Testing
import VoiceRelay

@Suite struct RelayCloseCodeTests {
    @Test(arguments: [
        (UInt16(1000), "", RelayCloseCode.normal),
        (4401, "", .invalidAuth),
        (4402, "anything", .balanceExhausted),
        (4408, "", .sessionTimeout),
        (4415, "", .formatViolation),
        (4502, "", .upstreamDisconnected),
        (4504, "", .heartbeatLost),
        (1006, "", .webSocket(number: 1006, reason: "")),
        (1011, "oops", .webSocket(number: 1011, reason: "oops")),
        (4999, "who knows", .other(number: 4999, reason: "who knows")),
    ])
    func numbersComeFirst(number: UInt16, reason: String, expected: RelayCloseCode) {
        #expect(RelayCloseCode(number: number, reason: reason) == expected)
    }

    @Test func aNameAtTheStartOfTheReasonCountsWhateverTheNumber() {
        #expect(RelayCloseCode(number: 4000, reason: "BALANCE_EXHAUSTED") == .balanceExhausted)
        #expect(RelayCloseCode(number: 1008, reason: "INVALID_AUTH: no such key") == .invalidAuth)
        #expect(RelayCloseCode(number: 1000, reason: "UPSTREAM_DISCONNECTED") == .upstreamDisconnected)
        #expect(RelayCloseCode(number: 4401, reason: "HEARTBEAT_LOST") == .invalidAuth)
        #expect(
            RelayCloseCode(number: 4000, reason: "INVALID_AUTHORITY")
                == .other(number: 4000, reason: "INVALID_AUTHORITY"))
        #expect(
            RelayCloseCode(number: 4000, reason: "it was INVALID_AUTH")
                == .other(number: 4000, reason: "it was INVALID_AUTH"))
    }

    @Test func onlyANormalCloseIsNormal() {
        for number in UInt16(1001)...4999 {
            #expect(RelayCloseCode(number: number, reason: "") != .normal)
        }
    }

    @Test func terminalCodesAreNeverReconnected() {
        for number: UInt16 in [1000, 4401, 4402, 4408, 4415, 1002, 1003, 1008, 4999] {
            #expect(!RelayCloseCode(number: number, reason: "").isReconnectable)
        }
        for number: UInt16 in [4502, 4504, 1001, 1006, 1011, 1012, 1013] {
            #expect(RelayCloseCode(number: number, reason: "").isReconnectable)
        }
    }

    @Test func everyNumberComesBack() {
        for number: UInt16 in [1000, 1011, 4401, 4402, 4408, 4415, 4502, 4504, 4777] {
            #expect(RelayCloseCode(number: number, reason: "").number == number)
        }
    }
}
