import ServiceLifecycle

/// Makes the usage of running sessions durable about once a second, so that a crash costs the server little.
struct LedgerKeeper: Service {
    let wallet: CreditWallet

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(1))
                await wallet.makeMarksDurable()
            }
        }
        // All sessions have ended: what their settlements left over gets its last try.
        await wallet.makeMarksDurable()
    }
}
