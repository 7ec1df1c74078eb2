/// What Quota's documents leave open and this client assumes, all in one place. Nobody has confirmed these against Quota's
/// own servers; the local server agrees with them. Each can be set otherwise, as its comment says.
public enum QuotaAssumptions {
    /// Our assumption: that quota-voice is registered as a public client under this id, with the redirect URI
    /// `http://127.0.0.1/callback` on any port. Else: `login --client-id`, QUOTA_CLIENT_ID, `NativeSignIn(clientID:)`.
    public static let clientID = "quota_client_voice_cli"
    /// Our assumption: that this model is there and cheap. Else: `chat --model`, QUOTA_CHAT_MODEL, `ChatRequest(model:)`.
    public static let chatModel = "openai/gpt-4o-mini"
    /// Our assumption: the name of the field with the package's id in `POST /api/payments/checkout`. Else:
    /// `topup --package-field`, ``QuotaOptions/checkoutPackageField``.
    public static let checkoutPackageField = "package_id"
    /// Our assumption: that the server has pages here for a browser that comes back from paying; they show nothing that
    /// `topup` needs. Else: `topup --success-url` and `--cancel-url`, `createCheckout(packageID:successURL:cancelURL:)`.
    public static let checkoutSuccessPath = "/checkout/success"
    public static let checkoutCancelPath = "/checkout/cancel"
}
