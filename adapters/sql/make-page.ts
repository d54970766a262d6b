/** Makes the JSON of a page of rows, in one pass and within its bytes. No two rows with one key pass. */
import { collect } from '#adapters/kit/json-answer.ts'
import { type JsonValue, writing } from '#adapters/kit/write-rows.ts'
import { Fault } from '#schemas/fault.ts'
import type { Page, Shape } from './source.ts'

type MakePage = (rows: Iterable<unknown[]>, most: number) => Page

/**
 * For rows of texts, numbers and NULL; all else has no field type. Throws `answer_too_large`, and
 * `source_failed`, which names fields and no values.
 */
export function pageMaker({ fields, sort, key, answerBytes }: Shape): MakePage {
  const { read, write } = writing(fields)
  return (rows, most) => {
    const shown: string[] = []
    let count = 0
    let before: JsonValue[] | undefined
    let last: JsonValue[] | undefined
    let size = 0
    for (const row of rows) {
      // Before they are copied: one value alone may be larger than memory.
      for (const value of row) size += typeof value === 'string' ? value.length : 8
      if (size > answerBytes) throw tooLarge(answerBytes)
      const values = read(row)
      // They could be on both sides of the end of a page, and then one would never be given.
      if (key.length > 0 && before !== undefined && sort.every((at) => values[at] === before![at]))
        throw new Fault('source_failed', { what: `two rows have the same ${key.join(', ')}` })
      before = values
      if (count++ >= most) continue
      shown.push(write(values))
      last = values
    }
    return {
      items: collect(shown, answerBytes),
      rows: count,
      last: last && sort.map((at) => last![at]!),
    }
  }
}

function tooLarge(most: number): Fault {
  return new Fault('answer_too_large', { what: `it has more than ${most} bytes` })
}
