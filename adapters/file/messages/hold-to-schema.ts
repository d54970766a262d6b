/**
 * Holds files against the schemas of their drops, on a thread: a file, or a pattern of a schema, may take any
 * time. Guarantees that a file which takes too long is refused itself, and that those of other drops go on.
 */
import path from 'node:path'
import { startThreadInTurn, type ThreadInTurn, TooLong, Unasked } from '#platform/threads/thread-in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import { BrokenFile, type LentFile } from '../read-file.ts'
import { type Found, readSchema, type SchemaQuestion, type SchemaSource } from './read-schema.ts'
import type { DropSettings } from './settings.ts'

export type HeldToSchemas = {
  /** Throws BrokenFile with the place and the rule. A drop without a schema holds its files to nothing. */
  check(file: LentFile, drop: Pick<DropSettings, 'name' | 'schema'>): Promise<void>
  close(): Promise<void>
}

type Running = { thread: ThreadInTurn<SchemaQuestion>; compiled: Map<string, Promise<unknown>> }

const LIMITS = { compileMs: 30_000, judgeMs: 10_000 }
const MAX_TRIES = 5
const MANY_VIOLATIONS = '; that can also be because it breaks the schema in very many places'
const MAX_POINTER = 300
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/**
 * Compiles all of them. Throws `invalid_configuration` for one that cannot be compiled, or takes too long.
 */
export async function openSchemas(
  drops: readonly Pick<DropSettings, 'name' | 'schema'>[],
  q: { documentBytes: number },
  { compileMs, judgeMs } = LIMITS,
): Promise<HeldToSchemas> {
  const sources = new Map<string, SchemaSource>()
  for (const { name, schema } of drops) if (schema !== undefined) sources.set(name, await readSchema(schema))
  let running: Running | undefined

  /** The thread that there is, with this drop's schema. */
  async function threadWith(drop: string): Promise<Running['thread']> {
    if (running === undefined || running.thread.isOver())
      running = {
        thread: startThreadInTurn(new URL('./schema-worker.ts', import.meta.url)),
        compiled: new Map(),
      }
    const { thread, compiled } = running
    const schema = sources.get(drop)!
    const making = compiled.get(drop) ?? thread.ask({ act: 'compile', drop, schema }, compileMs)
    compiled.set(drop, making)
    await making
    return thread
  }

  async function judge(drop: string, bytes: Uint8Array): Promise<Found> {
    for (let tries = 0; ; tries++)
      try {
        const thread = await threadWith(drop)
        return (await thread.ask({ act: 'judge', drop, bytes }, judgeMs)) as Found
      } catch (cause) {
        // A file of another drop has ended the thread.
        if (cause instanceof Unasked && tries < MAX_TRIES) continue
        if (!(cause instanceof TooLong) || cause.act !== 'judge') throw cause
        // The library collects every violation before it tells the first.
        const other = sources.get(drop)!.kind === 'xsd' ? MANY_VIOLATIONS : ''
        return { pointer: '', rule: cause.message + other }
      }
  }

  async function close(): Promise<void> {
    await running?.thread.close()
  }

  for (const { name, schema } of drops) {
    if (schema === undefined) continue
    try {
      await threadWith(name)
    } catch (cause) {
      await close()
      const why = cause instanceof Fault ? cause.what : (cause as Error).message
      throw new Fault('invalid_configuration', { what: `${schema}: ${why ?? ''}`, cause })
    }
  }
  return {
    async check(file, { name, schema }) {
      if (schema === undefined) return
      if (file.facts.size > q.documentBytes)
        throw new BrokenFile(`its file is larger than ${q.documentBytes} bytes, which is read whole`)
      const chunks: Buffer[] = []
      for await (const chunk of file.chunks()) chunks.push(chunk)
      const found = await judge(name, Buffer.concat(chunks))
      if (found === undefined) return
      const place = found.pointer.slice(0, MAX_POINTER).replace(INVISIBLE, '?').toWellFormed()
      const what = `its file does not follow ${path.basename(schema)}: ${found.rule}`
      // In JSON the names of a place are data: an object may have a name for each person.
      throw new BrokenFile(what, undefined, place === '' ? '' : `, at ${place}`)
    },
    close,
  }
}
