/// A calendar day, YYYY-MM-DD.
package struct Day: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Days since 1970-01-01.
    package let number: Int

    package init(number: Int) { self.number = number }

    /// Reads YYYY-MM-DD; nil when there is no such day.
    package init?(_ text: String) {
        guard let match = text.wholeMatch(of: /([0-9]{4})-([0-9]{2})-([0-9]{2})/), let year = Int(match.1),
            let month = Int(match.2), let day = Int(match.3), 1...12 ~= month, day >= 1
        else { return nil }
        // Years begin in March, so that the leap day comes last.
        let (y, m) = month > 2 ? (year, month - 3) : (year - 1, month + 9)
        number = y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719_468
        guard description == text else { return nil }
    }

    package var description: String {
        let shifted = number + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100)
        let m = (dayOfYear * 5 + 2) / 153
        let day = dayOfYear - (m * 153 + 2) / 5 + 1
        let month = m < 10 ? m + 3 : m - 9
        let year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
        let pad = { (value: Int, width: Int) in
            String(repeating: "0", count: max(0, width - "\(value)".count)) + "\(value)"
        }
        return "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))"
    }

    package static func < (a: Day, b: Day) -> Bool { a.number < b.number }

    /// Days from `a` to `b`.
    package static func - (b: Day, a: Day) -> Int { b.number - a.number }
}
