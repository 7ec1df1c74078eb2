// Figures of the WebSocket client, as ratios and best-of runs: other work on the machine only makes them worse.
// usage: WebSocketBench [memory | frames | send | network]

import Glibc

let sections = CommandLine.arguments.dropFirst()

func isWanted(_ section: String) -> Bool { sections.isEmpty || sections.contains(section) }

if isWanted("memory") { MemoryBench.run() }
if isWanted("frames") { FrameBench.run() }
if isWanted("send") { try SendBench.run() }
if isWanted("network") { try NetworkBench.run() }
