/** Which of the described answers a request gets: the wanted one, or the first that means success. */
import type { Contents, Operation } from '#core/openapi/read-operations.ts'
import { isJsonType } from '#core/transport/content-type.ts'
import { type HeaderList, headerValue } from '#core/transport/header-list.ts'
import { Fault } from '#schemas/fault.ts'

type ChosenStatus = { status: number; contents: Contents | undefined }
type ChosenMedia = { type: string; at: string }

/** Throws `answer_not_described` for a status that the description does not have. */
export function chooseStatus({ answers }: Operation, wanted: number | undefined): ChosenStatus {
  if (wanted !== undefined) {
    const key = [String(wanted), `${Math.trunc(wanted / 100)}XX`, 'default'].find((one) => answers.has(one))
    if (key === undefined)
      throw new Fault('answer_not_described', { what: `code=${wanted}: ${listed([...answers.keys()])}` })
    return { status: wanted, contents: answers.get(key) }
  }
  const keys = [...answers.keys()].sort()
  const key = keys.find((one) => one.startsWith('2')) ?? keys.find((one) => one === 'default') ?? keys[0]
  if (key === undefined) return { status: 200, contents: undefined }
  return { status: statusOf(key), contents: answers.get(key) }
}

/** JSON, unless the request accepts another one of those that there are. */
export function chooseMedia(contents: Contents, headers: HeaderList): ChosenMedia {
  const types = [...contents.keys()]
  const accepted = (headerValue(headers, 'accept') ?? '').toLowerCase().slice(0, 1_000).split(',')
  const named = accepted.map((one) => one.split(';', 1)[0]!.trim())
  const type = types.find((one) => named.includes(one)) ?? types.find(isJsonType) ?? types[0]!
  const { at } = contents.get(type)!
  // A range is no type: JSON is what most readers can read.
  return { type: type.includes('*') ? 'application/json' : type, at }
}

function statusOf(key: string): number {
  if (key === 'default') return 200
  return Number(key.replace('XX', '00'))
}

export function listed(names: string[]): string {
  const shown = names.slice(0, 10).map((name) => name.slice(0, 60).toWellFormed())
  return shown.length === 0 ? 'there is none' : `there are ${shown.join(', ')}`
}
