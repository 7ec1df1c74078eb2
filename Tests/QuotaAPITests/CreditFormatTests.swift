import QuotaAPI
import Testing

@Suite struct CreditFormatTests {
    @Test(arguments: [
        (4_050_000, "$4.05"), (0, "$0.00"), (1, "$0.000001"), (2_500, "$0.0025"), (1_000_000, "$1.00"),
        (-4_050_000, "-$4.05"), (999_999, "$0.999999"), (1_230_000_000, "$1230.00"), (10_000, "$0.01"),
        (Int.min, "-$9223372036854.775808"),
    ])
    func creditsReadAsDollars(credits: Int, text: String) {
        #expect(formatCredits(credits) == text)
    }
}
