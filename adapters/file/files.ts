/** The files as they are: a list of them, and one of them with its digest, byte by byte. */
import { createHash } from 'node:crypto'
import path from 'node:path'
import { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { collect, json, nextQuery } from '#adapters/kit/json-answer.ts'
import { type Answer, answer } from '#platform/http-service/answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { isPlainName } from './file-name.ts'
import { createMemory } from './memory.ts'
import type { InTurn, LentFile, ReadFile } from './read-file.ts'
import type { FileSettings } from './settings.ts'
import type { FileSource } from './source.ts'
import { within } from './within.ts'

type Q = {
  settings: Pick<FileSettings, 'files' | 'complete' | 'limits'>
  source: FileSource
  readFile: ReadFile
  inTurn: InTurn
}

const TYPES: Record<string, string> = {
  '.csv': 'text/csv',
  '.json': 'application/json',
  '.xml': 'application/xml',
  '.txt': 'text/plain',
}

/** The handlers that the settings switch on. */
export function createFileHandlers(q: Q): Record<string, OperationHandler> {
  const { list, read } = q.settings.files
  return { ...(list ? { listFiles: listFiles(q) } : {}), ...(read ? { readFile: readWhole(q) } : {}) }
}

function listFiles(q: Q): OperationHandler {
  const isServed = createIsServed(q)
  return async ({ query }) => {
    const { after = '', limit } = query as { after?: string; limit: number }
    return q.inTurn(undefined, async (signal) => {
      const all = await within(signal, q.source.names(signal))
      const present = new Set(all)
      const served = all.filter((name) => name > after && isServed(name) && isMarked(q, name, present)).sort()
      const shown = served.slice(0, limit)
      const facts = await within(signal, Promise.all(shown.map(q.source.look)))
      const items = facts.flatMap((one) =>
        one === undefined
          ? []
          : [JSON.stringify({ name: one.name, size: one.size, modified: one.modified.toISOString() })],
      )
      const text = collect(items, q.settings.limits.answerBytes)
      const last = shown.at(-1)
      if (served.length <= shown.length || last === undefined) return json(`{"items":[${text}]}`)
      return json(`{"items":[${text}],"next":${JSON.stringify(nextQuery(query, last))}}`)
    })
  }
}

function readWhole(q: Q): OperationHandler {
  const isServed = createIsServed(q)
  const digests = createMemory<{ version: string; digest: string }>()
  const digestOf = async ({ facts, chunks }: LentFile): Promise<string> => {
    const known = digests.get(facts.name)
    if (known?.version === facts.version) return known.digest
    const hash = createHash('sha256')
    for await (const chunk of chunks()) hash.update(chunk)
    const digest = hash.digest('base64')
    digests.set(facts.name, { version: facts.version, digest })
    return digest
  }
  return async ({ params }) => {
    const { name = '' } = params
    if (!isPlainName(name) || !isServed(name)) throw new Fault('not_found')
    const begun = Promise.withResolvers<Answer>()
    // The file stays lent, and counts as read, until its last byte has left or the client has gone.
    q.inTurn(name, (signal) =>
      q.readFile(name, signal, async (file) => {
        const digest = await digestOf(file)
        const body = Readable.from(sameBytes(file, digest), { objectMode: false, signal })
        begun.resolve(
          answer(body, {
            headers: {
              'content-type': TYPES[path.extname(name).toLowerCase()] ?? 'application/octet-stream',
              'content-length': String(file.facts.size),
              'content-digest': `sha-256=:${digest}:`,
              'last-modified': file.facts.modified.toUTCString(),
            },
          }),
        )
        await finished(body)
      }),
    ).catch(begun.reject)
    return begun.promise
  }
}

/**
 * The last bytes are held back until all are known to be those of the digest: an answer that is not them is
 * cut off.
 */
async function* sameBytes({ chunks, checkSame }: LentFile, digest: string): AsyncGenerator<Buffer, void> {
  const hash = createHash('sha256')
  let held: Buffer | undefined
  for await (const chunk of chunks()) {
    hash.update(chunk)
    if (held !== undefined) yield held
    held = chunk
  }
  await checkSame()
  if (hash.digest('base64') !== digest) throw new Fault('file_changing')
  if (held !== undefined) yield held
}

function createIsServed({ settings: { files, complete } }: Q): (name: string) => boolean {
  const names = new RegExp(files.names, 'u')
  return (name) => names.test(name) && !(complete.by === 'marker' && name.endsWith(complete.marker))
}

function isMarked({ settings: { complete } }: Q, name: string, present: ReadonlySet<string>): boolean {
  return complete.by !== 'marker' || present.has(name + complete.marker)
}
