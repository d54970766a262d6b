/**
 * Texts that people read and decide by: they must not contain characters that are invisible or make a text
 * look like another.
 */

// Joiners are allowed: some scripts need them.
const UNSEEN = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u

/** Whether `value` is a text of 1 to `most` characters without control characters and direction marks. */
export function isPlainText(value: unknown, most: number): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= most && !UNSEEN.test(value)
}

/**
 * Names in certificates and files come from strangers: this removes control and direction characters before a
 * terminal shows them.
 */
export function printable(line: string): string {
  return line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd')
}

/** `value` as JSON on one line: characters that a terminal would interpret or not show are escaped. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, (marks) =>
    Array.from(
      { length: marks.length },
      (_, at) => `\\u${marks.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  )
}
