extension Scope {
    /// The sentence of the consent page, after "It may".
    var words: String {
        switch self {
        case .openid: "know that it is you, by the id of your account"
        case .profile: "see your name and picture"
        case .email: "see your email address"
        case .creditsRead: "see your balance"
        case .creditsSpend: "spend your credits"
        case .accountRead: "see your account’s settings and activity"
        case .accountWrite: "change your account’s settings"
        case .appsRead: "see the apps you made"
        case .appsWrite: "make, change and remove your apps"
        }
    }

    /// Whether the consent page points at it.
    var isCostly: Bool {
        switch self {
        case .creditsSpend, .accountWrite, .appsWrite: true
        case .openid, .profile, .email, .creditsRead, .accountRead, .appsRead: false
        }
    }
}

extension Set<Scope> {
    /// In the order of their declaration.
    var ordered: [Scope] { Scope.allCases.filter(contains) }
}
