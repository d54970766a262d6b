/**
 * Fetches missing contents and seals by hash. An answer whose bytes have none of the requested hashes is
 * ignored.
 */
import { createHash } from 'node:crypto'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { Fault } from '#schemas/fault.ts'

/** Asks the registry for items with these hashes; returns the bytes of the answer. */
type AskItems = (hashes: string[]) => Promise<Buffer>

const MOST_A_QUESTION = 100
/** More than any list needs, so that a registry that returns one item per answer is not asked for ever. */
const MOST_QUESTIONS = 2000

export async function fetchItems(wanted: string[], ask: AskItems): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>()
  let left = wanted
  for (let asked = 0; left.length > 0 && asked < MOST_QUESTIONS; asked++) {
    const some = left.slice(0, MOST_A_QUESTION)
    const given = readItems(await ask(some))
    for (const bytes of given) {
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      if (some.includes(sha256)) found.set(sha256, bytes)
    }
    // Nothing new came: the registry does not have these items for this server, or no longer.
    const before = left.length
    left = left.filter((hash) => !found.has(hash))
    if (left.length === before) left = left.slice(some.length)
  }
  return found
}

function readItems(answer: Buffer): Buffer[] {
  const { items } = parseStrictJson(answer) as { items?: unknown }
  if (!Array.isArray(items) || items.length > MOST_A_QUESTION)
    throw new Fault('registration_unavailable', { what: 'its answer holds no items' })
  return items.map((item: unknown) => {
    const { content } = (item ?? {}) as { content?: unknown }
    return Buffer.from(typeof content === 'string' ? content : '', 'base64')
  })
}
