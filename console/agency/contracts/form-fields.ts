/** Fields of the form of a contract, and what was filled in. Pure. */
import type { Field, Find } from '../../kit/field.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { local } from '../records/query.ts'

export function line(name: string, title: TextKey, maxLength: number, initial = ''): Field {
  return { name, title, maxLength, initial }
}

/** Something that exists is picked; what `find` does not know can still be typed. */
export function picked(field: Field, find: Find): Field {
  return { ...field, type: 'pick', find, hint: 'call.pickHint' }
}

export function long(name: string, title: TextKey, initial = ''): Field {
  return { name, title, type: 'long', initial }
}

export function time(name: string, title: TextKey, initial: string | undefined): Field {
  return { name, title, type: 'time', initial: initial === undefined ? '' : local(initial) }
}

export function whole(name: string, title: TextKey, initial: number | undefined): Field {
  const check = (value: string): string | undefined =>
    /^\d{1,12}$/.test(value.trim()) ? undefined : text('contract.numberNeeded')
  return { name, title, maxLength: 12, initial: initial === undefined ? '' : String(initial), check }
}

export function choice(
  name: string,
  title: TextKey,
  initial: string | undefined,
  all: [string, TextKey][],
): Field {
  const options = all.map(([value, words]) => ({ value, title: text(words) }))
  return { name, title, type: 'select', options, initial: initial ?? '' }
}

export function yesNo(name: string, title: TextKey, initial: boolean | undefined): Field {
  return choice(name, title, initial === undefined ? '' : initial ? 'yes' : 'no', [
    ['yes', 'common.yes'],
    ['no', 'common.no'],
  ])
}

export function optional(field: Field): Field {
  return { ...field, required: false }
}

/** Drops undefined values. */
export function given<T>(all: Record<string, T | undefined>): Record<string, T> {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Record<
    string,
    T
  >
}

export function linesOf(said: string): string[] {
  return said
    .split('\n')
    .map((one) => one.trim())
    .filter(Boolean)
}

export function numberOf(said: string): number | undefined {
  return said === '' ? undefined : Number(said)
}
