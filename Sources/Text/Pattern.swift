import CPCRE2

/// A regular expression over UTF-8, compiled by PCRE2 to machine code where the processor allows it.
///
/// Patterns are used as found, with Unicode classes and with `^` and `$` at every line, as in Oniguruma, the engine
/// that tokenizer.json files are written for.
// @unchecked Sendable proof: `code` is never written after init, and PCRE2 shares compiled patterns between threads.
final class Pattern: @unchecked Sendable {
    /// The expression as it was given.
    let source: String
    private let code: OpaquePointer
    private let hasMachineCode: Bool

    /// Compiles an expression, or a text to be found literally.
    /// - Throws: `malformedFile` with PCRE2's message and the offset.
    init(_ source: String, isLiteral: Bool = false) throws(TokenizerError) {
        self.source = source
        var status: Int32 = 0
        var offset = 0
        let options = PCRE2_UTF | (isLiteral ? PCRE2_LITERAL : PCRE2_UCP | PCRE2_MULTILINE)
        var text = isLiteral ? source : Pattern.spelledOut(source)
        let code = text.withUTF8 { pcre2_compile_8($0.baseAddress, $0.count, options, &status, &offset, nil) }
        guard let code else {
            throw TokenizerError(
                .malformedFile,
                "compiling the pattern \(source) failed at byte \(offset): \(Pattern.message(status))",
                hint: "patterns are read with the syntax of PCRE2")
        }
        self.code = code
        hasMachineCode = pcre2_jit_compile_8(code, PCRE2_JIT_COMPLETE) == 0
    }

    deinit { pcre2_code_free_8(code) }

    /// The expression with `\s`, `\S`, `\w` and `\W` spelled out.
    ///
    /// PCRE2 counts U+180E as a space, which Unicode 6.3 made a format character, and its older versions leave marks
    /// out of words; Oniguruma does neither.
    private static func spelledOut(_ source: String) -> String {
        let word = "\\p{Alphabetic}\\p{M}\\p{N}\\p{Pc}"
        var result = ""
        var isEscaped = false
        var isInClass = false
        for scalar in source.unicodeScalars {
            switch (isEscaped, scalar, isInClass) {
            case (true, "s", _): result += "\\p{White_Space}"
            case (true, "S", _): result += "\\P{White_Space}"
            case (true, "w", true): result += word
            case (true, "w", false): result += "[\(word)]"
            case (true, "W", false): result += "[^\(word)]"
            case (true, _, _): result += "\\\(scalar)"
            case (false, "\\", _): break
            case (false, _, _):
                if scalar == "[" || scalar == "]" { isInClass = scalar == "[" }
                result.unicodeScalars.append(scalar)
            }
            isEscaped = scalar == "\\" && !isEscaped
        }
        return isEscaped ? result + "\\" : result
    }

    /// The first match that starts at or after `offset`; the text before `offset` is seen by look-behinds only.
    func firstMatch(in text: UnsafeBufferPointer<UInt8>, from offset: Int, using state: State) -> Range<Int>? {
        var status =
            hasMachineCode
            ? pcre2_jit_match_8(code, text.baseAddress, text.count, offset, 0, state.data, state.context)
            : PCRE2_ERROR_JIT_STACKLIMIT
        if status == PCRE2_ERROR_JIT_STACKLIMIT {
            // The interpreter keeps its backtracking on the heap and so needs no more than memory.
            status = pcre2_match_8(
                code, text.baseAddress, text.count, offset, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, state.data,
                state.context)
        }
        if status == PCRE2_ERROR_NOMATCH { return nil }
        guard status >= 0 else {
            fatalError("matching \(source) failed although no limit is set: \(Pattern.message(status))")
        }
        return state.bounds[0]..<state.bounds[1]
    }

    /// The text with every match replaced by `content`; empty matches are none.
    func replacing(in text: String, with content: String, using state: State) -> String {
        var text = text
        let bytes = text.withUTF8 { text in
            var result: [UInt8] = []
            var copied = 0
            while copied < text.count, let match = firstMatch(in: text, from: copied, using: state), !match.isEmpty {
                result += text[copied..<match.lowerBound]
                result += content.utf8
                copied = match.upperBound
            }
            return result + text[copied...]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func message(_ status: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = pcre2_get_error_message_8(status, &buffer, buffer.count)
        return String(decoding: buffer.prefix(Int(max(0, count))), as: UTF8.self)
    }

    /// What one thread needs to match: a result and a stack for backtracking, good for any pattern.
    final class State {
        fileprivate let data: OpaquePointer
        fileprivate let context: OpaquePointer
        fileprivate let bounds: UnsafeMutablePointer<Int>
        private let stack: OpaquePointer?

        init() {
            guard let data = pcre2_match_data_create_8(1, nil), let context = pcre2_match_context_create_8(nil) else {
                fatalError("PCRE2 found no memory for a match")
            }
            self.data = data
            self.context = context
            bounds = pcre2_get_ovector_pointer_8(data)
            stack = pcre2_jit_stack_create_8(32 << 10, 16 << 20, nil)
            pcre2_jit_stack_assign_8(context, nil, stack.map { UnsafeMutableRawPointer($0) })
            pcre2_set_match_limit_8(context, .max)
            pcre2_set_depth_limit_8(context, .max)
        }

        deinit {
            pcre2_match_data_free_8(data)
            pcre2_match_context_free_8(context)
            pcre2_jit_stack_free_8(stack)
        }
    }
}
