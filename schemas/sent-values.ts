/**
 * Texts and numbers whose type says in what form they are, so that the documents of the management APIs say
 * it too (`scripts/answers`). Nothing gets a form by its name: what a Date writes has one, and what is read
 * from a column or document, where the type of its row says so. Answers of running servers are held against
 * it.
 */

declare const form: unique symbol

type InForm<Value, Form extends string> = Value & { readonly [form]?: Form }

/** A time of RFC 3339. */
export type Time = InForm<string, 'date-time'>

/** Without a fraction. */
export type Whole = InForm<number, 'integer'>

/** As RFC 9562 writes it. */
export type Uuid = InForm<string, 'uuid'>

/** JSON whose form is the matter of who made it: each place that has it says whose that is. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

/** The number in a column of integers: one of the stores gives some as texts. */
export function wholeNumber(column: Whole | string | bigint): Whole {
  return Number(column)
}

declare global {
  interface Date {
    /** Only this way gives a type that no other text has: the compiler holds it. */
    toISOString(): string & { readonly [form]: 'date-time' }
  }
}
