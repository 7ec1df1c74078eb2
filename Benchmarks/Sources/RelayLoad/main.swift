// What a relay of this machine carries: sessions per core, delay that load adds, memory per session, and what thousands of
// sessions leave behind that come and go. Server and clients share the machine, so the figures are on the safe side.
// usage: RelayLoad PATH-OF-quota-voice [SECONDS-PER-STEP] [SESSIONS-OF-CHURN]

import Foundation

signal(SIGPIPE, SIG_IGN)
raiseDescriptorLimit()

let arguments = CommandLine.arguments
guard arguments.count > 1, access(arguments[1], X_OK) == 0 else {
    show("usage: RelayLoad PATH-OF-quota-voice [SECONDS-PER-STEP] [SESSIONS-OF-CHURN]")
    exit(64)
}
let seconds = arguments.count > 2 ? Double(arguments[2]) ?? 6 : 6
let churned = arguments.count > 3 ? Int(arguments[3]) ?? 3_000 : 3_000

let speech = Speech16k()
for subject in LoadSubject.all(speech) {
    try CapacityBench.run(subject, program: arguments[1], seconds: seconds)
}
try ChurnBench.run(program: arguments[1], sessions: churned, speech: speech)
