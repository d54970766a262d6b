/** What is told of a message that is not as described. */
import type { Violation } from '#core/openapi/rest-message.ts'

/** Place and rule; the names in it may come from the message, whose sender is a developer. */
export function wordsOf({ place, pointer, rule }: Violation): string {
  return `${place}${pointer === '' ? '' : ` ${pointer}`}: ${rule}`.slice(0, 300).toWellFormed()
}

/** As a header can hold it. */
export function plain(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 300)
}
