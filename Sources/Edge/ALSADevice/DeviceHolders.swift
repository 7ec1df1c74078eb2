import Glibc

/// Finds in /proc who holds a card of the kernel.
package struct DeviceHolders {
    /// Where procfs and the device nodes are, without a slash at the end.
    private let procRoot: String
    private let soundFolder: String

    package init(procRoot: String = "/proc", soundFolder: String = "/dev/snd") {
        self.procRoot = procRoot
        self.soundFolder = soundFolder
    }

    /// The processes that have the device open in that direction; of all cards when the name has none.
    package func holders(of device: String, direction: DeviceDirection) -> [DeviceHolder] {
        var found: Set<Int32> = []
        let letter = direction == .capture ? "c" : "p"
        for (card, stream) in streams(of: device, letter: letter) {
            for substream in Self.entries("\(procRoot)/asound/card\(card)/\(stream)") where substream.hasPrefix("sub") {
                let status = fileText("\(procRoot)/asound/card\(card)/\(stream)/\(substream)/status")
                if let owner = status.firstMatch(of: /owner_pid\s*:\s*(\d+)/), let number = Int32(owner.output.1) {
                    found.insert(number)
                }
            }
            let number = stream.dropFirst(3).dropLast()
            found.formUnion(openers(of: "\(soundFolder)/pcmC\(card)D\(number)\(letter)"))
        }
        return found.sorted().map { DeviceHolder(processIdentifier: threadGroup(of: $0), name: name(of: $0)) }
    }

    /// The kernel's streams that the name may mean: numbers of cards with folders such as `pcm0c`.
    private func streams(of device: String, letter: String) -> [(card: String, stream: String)] {
        let wantedCard = DeviceName.card(of: device)
        let wantedDevice = DeviceName.device(of: device)
        var streams: [(String, String)] = []
        for folder in Self.entries("\(procRoot)/asound") {
            guard let number = folder.wholeMatch(of: /card(\d+)/)?.output.1 else { continue }
            let identifier = fileText("\(procRoot)/asound/\(folder)/id").filter { !$0.isWhitespace }
            guard wantedCard == nil || wantedCard == identifier || wantedCard == String(number) else { continue }
            for stream in Self.entries("\(procRoot)/asound/\(folder)")
            where stream.hasPrefix("pcm") && stream.hasSuffix(letter) {
                if let wantedDevice, stream != "pcm\(wantedDevice)\(letter)" { continue }
                streams.append((String(number), stream))
            }
        }
        return streams
    }

    /// Processes with a descriptor on that file, as far as this user may see.
    private func openers(of path: String) -> [Int32] {
        Self.entries(procRoot).compactMap(Int32.init).filter { process in
            let folder = "\(procRoot)/\(process)/fd"
            return Self.entries(folder).contains { Self.link("\(folder)/\($0)") == path }
        }
    }

    /// The kernel names the thread that opened the device; people know its process.
    private func threadGroup(of thread: Int32) -> Int32 {
        let status = fileText("\(procRoot)/\(thread)/status")
        return status.firstMatch(of: /Tgid:\s*(\d+)/).flatMap { Int32($0.output.1) } ?? thread
    }

    private func name(of process: Int32) -> String {
        let name = fileText("\(procRoot)/\(threadGroup(of: process))/comm").filter { !$0.isNewline }
        return name.isEmpty ? "a process of another user" : name
    }

    private static func entries(_ folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    private static func link(_ path: String) -> String {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = bytes.withUnsafeMutableBytes { buffer in
            guard let base = buffer.baseAddress else { return 0 }
            return readlink(path, base.assumingMemoryBound(to: CChar.self), buffer.count)
        }
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}

/// The first bytes of a small file of the system; empty when it can't be read.
package func fileText(_ path: String) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4_096)
    let count = read(descriptor, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
}
