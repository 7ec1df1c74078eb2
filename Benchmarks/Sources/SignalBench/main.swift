// Compares the signal path's parts with what others offer. Arguments choose groups: setup, quality, speed, ring, formats.

let groups = CommandLine.arguments.dropFirst()
let rounds = 21

// First of all: later the filters are designed already.
if groups.isEmpty || groups.contains("setup") { try ResamplerBench.setup() }
if groups.isEmpty || groups.contains("quality") { try QualityTable.run(points: 60) }
if groups.isEmpty || groups.contains("speed") { try ResamplerBench.run(rounds: rounds) }
if groups.isEmpty || groups.contains("ring") { RingBench.run(rounds: rounds) }
if groups.isEmpty || groups.contains("formats") { try CodecBench.run(rounds: rounds) }
