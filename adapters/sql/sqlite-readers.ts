/**
 * The processes that read a SQLite file, and who waits for them. Each runs one statement at a time, which
 * ends within its time or with its process. Under load several statements go through a pipe at once, since a
 * write costs more than a query; those behind one that takes long are taken back, so that it delays nobody.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Fault } from '#schemas/fault.ts'
import type { LimitSettings } from './settings.ts'
import type { Observe, Shape, Statement } from './source.ts'
import { frame, frameReader, readAnswer, type SqliteOrder, type SqliteQuestion } from './sqlite-protocol.ts'

const PROGRAM = fileURLToPath(new URL('./sqlite-store.ts', import.meta.url))
/** A busy machine takes long to start a process; a statement's own time begins when it has. */
const START_MS = 20_000
const HEAP = ['--max-old-space-size=256']
/** How many statements are in a process at most, the one that runs included. */
const MOST_GIVEN = 8
/** How often times are looked at, and how long a statement may delay those behind it. */
const TICK_MS = 10

type Wanted = { statement: Statement } & ({ only: 'columns' | 'rows' } | { shape: Shape; most: number })
export type ReaderAnswer = ReturnType<typeof readAnswer>

type Asked = {
  wanted: Wanted
  since: number
  resolve(answer: ReaderAnswer): void
  reject(thrown: Fault): void
  /** Answered or refused: what a process still says of it is not heard. */
  isOver: boolean
}

type Reader = {
  process: ChildProcess
  isReady: boolean
  /** Killed: it is given nothing more. */
  isEnding: boolean
  /** In the order in which they are answered; the first runs. */
  given: Asked[]
  /** Since when it has run, or the process has been starting. */
  began: number
  shapes: Set<number>
}

type Readers = {
  /** Throws `source_busy`, `source_timeout`, `source_unavailable`. */
  ask(wanted: Wanted): Promise<ReaderAnswer>
  running(): number
  waiting(): number
  close(): Promise<void>
}

/** At most `connections` processes, started when they are needed. */
export function openReaders(order: SqliteOrder, limits: LimitSettings, observe: Observe): Readers {
  const all = new Set<Reader>()
  let queue: Asked[] = []
  let outstanding = 0
  let isClosed = false
  let isGivingSoon = false
  let ticks: NodeJS.Timeout | undefined

  /** `began` is when its statement did, if it has. */
  const over = (asked: Asked, end: ReaderAnswer | Fault, began?: number): void => {
    if (asked.isOver) return
    asked.isOver = true
    outstanding--
    if (began !== undefined) observe(outcomeOf(end), (performance.now() - began) / 1000)
    if (end instanceof Fault) asked.reject(end)
    else asked.resolve(end)
  }
  const start = (): Reader => {
    const child = spawn(process.execPath, [...HEAP, PROGRAM, JSON.stringify(order)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const began = performance.now()
    const reader: Reader = {
      process: child,
      isReady: false,
      isEnding: false,
      given: [],
      began,
      shapes: new Set(),
    }
    all.add(reader)
    const gone = (): void => {
      if (!all.delete(reader)) return
      const [first, ...behind] = reader.given
      const cause = new Error('the reading process ended')
      if (first !== undefined) over(first, new Fault('source_unavailable', { cause }), reader.began)
      takeBack(behind)
      if (isClosed) refuseAll()
      else giveSoon()
    }
    child.once('exit', gone)
    child.once('error', gone)
    // Reported by the end of the process.
    child.stdin!.on('error', () => undefined)
    child.stdout!.on('data', frameReader(hear(reader)))
    return reader
  }
  const hear = (reader: Reader) => (content: Buffer) => {
    const answer = readAnswer(content)
    const asked = 'ready' in answer ? undefined : reader.given.shift()
    if ('ready' in answer) reader.isReady = true
    else if (asked !== undefined) over(asked, answer, reader.began)
    reader.began = performance.now()
    if (reader.given.length === 0) giveSoon()
  }
  /** Once for all that this turn of the event loop brings. */
  const giveSoon = (): void => {
    if (isGivingSoon) return
    isGivingSoon = true
    setImmediate(() => {
      isGivingSoon = false
      give()
    })
  }
  const give = (): void => {
    const idle = [...all].filter(({ given, isReady, isEnding }) => isReady && !isEnding && given.length === 0)
    for (const [at, reader] of idle.entries()) {
      const share = Math.ceil(queue.length / (idle.length - at))
      giveTo(reader, queue.splice(0, Math.min(share, MOST_GIVEN)))
    }
    while (queue.length > 0 && all.size < limits.connections && !isClosed) giveTo(start(), queue.splice(0, 1))
  }
  const giveTo = (reader: Reader, asked: Asked[]): void => {
    if (asked.length === 0) return
    reader.given = asked
    if (reader.isReady) reader.began = performance.now()
    reader.process.stdin!.write(
      Buffer.concat(asked.map(({ wanted }) => questionFrame(wanted, reader.shapes))),
    )
  }
  const takeBack = (asked: Asked[]): void => {
    queue = [...asked.filter(({ isOver }) => !isOver), ...queue]
  }
  const refuseAll = (): void => {
    for (const one of queue.splice(0)) over(one, new Fault('source_unavailable'))
  }
  const lookAtTimes = (): void => {
    const now = performance.now()
    for (const reader of all) {
      const [first, ...behind] = reader.given
      if (first === undefined) continue
      if (now - reader.began > (reader.isReady ? limits.queryMs : START_MS)) {
        over(first, new Fault('source_timeout'), reader.began)
        reader.process.kill('SIGKILL')
        // Its answer may still be in the pipe, and would make it look idle.
        reader.isEnding = true
      }
      if (behind.length === 0 || now - reader.began < TICK_MS) continue
      takeBack(behind)
      // The process answers them all the same, and nobody hears it.
      reader.given = [first, ...behind.map((asked) => ({ ...asked, isOver: true }))]
      giveSoon()
    }
    while (queue[0] !== undefined && now - queue[0].since > limits.queryMs)
      over(queue.shift()!, new Fault('source_busy'))
    // What was taken back may still run where nobody waits for it.
    if (outstanding > 0 || [...all].some(({ given }) => given.length > 0)) return
    clearInterval(ticks)
    ticks = undefined
  }
  return {
    ask: (wanted) => {
      if (isClosed) throw new Fault('source_unavailable')
      if (outstanding >= limits.connections + limits.waiting) throw new Fault('source_busy')
      outstanding++
      // What has arrived is read before it is called late.
      ticks ??= setInterval(() => setImmediate(lookAtTimes), TICK_MS)
      const { promise, resolve, reject } = Promise.withResolvers<ReaderAnswer>()
      queue.push({ wanted, since: performance.now(), resolve, reject, isOver: false })
      giveSoon()
      return promise
    },
    running: () => [...all].filter(({ given }) => given.length > 0).length,
    waiting: () => outstanding - [...all].filter(({ given }) => given.some(({ isOver }) => !isOver)).length,
    close: async () => {
      isClosed = true
      const ended = [...all].map((one) => new Promise((resolve) => one.process.once('close', resolve)))
      for (const one of all) one.process.kill('SIGKILL')
      refuseAll()
      await Promise.all(ended)
    },
  }
}

function outcomeOf(end: ReaderAnswer | Fault): string {
  if (end instanceof Fault) return end.code
  if (!('failed' in end)) return 'rows'
  if (end.failed === 'answer') return end.code
  return end.failed === 'unavailable' ? 'source_unavailable' : 'source_failed'
}

function questionFrame(wanted: Wanted, known: Set<number>): Buffer {
  return frame(Buffer.from(JSON.stringify(questionOf(wanted, known))))
}

function questionOf({ statement: { text, values }, ...wanted }: Wanted, known: Set<number>): SqliteQuestion {
  if ('only' in wanted) return { text, values, only: wanted.only }
  const { shape, most } = wanted
  if (known.has(shape.id)) return { text, values, shape: shape.id, most }
  known.add(shape.id)
  return { text, values, shape: shape.id, described: shape, most }
}
