/**
 * The main thread's side of the worker. One group is under way at a time; records that arrive meanwhile form
 * the next one. A worker that ends unexpectedly is restarted; records that it had not acknowledged are
 * refused.
 */
import { receiveFault } from '#platform/threads/crossed-fault.ts'
import { letThreadsHaveOwnNursery } from '#platform/threads/own-nursery.ts'
import { withBuffers } from '#platform/threads/with-buffers.ts'
import { Fault } from '#schemas/fault.ts'
import { type Field, packedSize, packGroup } from './formats/group-format.ts'
import type { LoggedRecord } from './record-input.ts'
import {
  type CallAnswer,
  type FromWorker,
  type GroupAnswer,
  type LogState,
  MAX_GROUP,
  RESULT_SIZE,
  type ThreadData,
  type ToWorker,
  type WorkerApi,
  type WorkerSetup,
} from './worker-api.ts'

const GROUP_MEMORY = 2 * 1024 * 1024
const MAX_QUEUED = 4096
const ZEROS = Buffer.alloc(64 * 1024)
const MAX_QUEUED_BYTES = 256 * 1024 * 1024
const RESTART_MS = 500
/**
 * The shortest time between two groups under load. A group costs as much as three records, so that collecting
 * more of them saves more time than the wait costs. A record after a pause does not wait, nor one after a
 * group of few: with few exchanges under way nothing more would come, and each of them passes four groups one
 * after the other.
 */
const BETWEEN_GROUPS_MS = 3
const FEW_RECORDS = 3

type Waiting = {
  fields: Field[]
  size: number
  resolve(record: LoggedRecord): void
  reject(fault: Fault): void
}
type Call = { resolve(result: unknown): void; reject(fault: Fault): void }

/** What the client needs of a Worker. */
type LogThread = {
  on(event: 'message', act: (message: FromWorker) => void): unknown
  on(event: 'error' | 'exit', act: (cause: unknown) => void): unknown
  postMessage(message: ToWorker, transfer?: ArrayBuffer[]): void
  terminate(): Promise<number>
}

/** Starts a thread that runs `runLogThread`, with these options. */
export type StartThread = (options: {
  workerData: ThreadData
  name: string
  resourceLimits: { maxYoungGenerationSizeMb: number }
}) => LogThread

export type WorkerClient = {
  /** Resolves when the record is durable. */
  append(fields: Field[]): Promise<LoggedRecord>
  call<K extends keyof WorkerApi>(method: K, ...argument: Parameters<WorkerApi[K]>): ReturnType<WorkerApi[K]>
  /** The methods of the log's parts by name. */
  parts: Record<string, (argument: unknown) => Promise<unknown>>
  state(): LogState
  /** Ends the thread. */
  close(): Promise<void>
}

/**
 * Resolves when the log is open. `onState` is called after each group with the fault, or undefined when it
 * was written.
 */
export async function startWorker(q: {
  setup: () => WorkerSetup
  startThread: StartThread
  onState(state: { fault: Fault | undefined }): void
}): Promise<WorkerClient> {
  const memory = {
    group: new SharedArrayBuffer(GROUP_MEMORY),
    results: new SharedArrayBuffer(MAX_GROUP * RESULT_SIZE),
  }
  const groupMemory = Buffer.from(memory.group)
  const results = Buffer.from(memory.results)
  let queue: Waiting[] = []
  let queuedBytes = 0
  let underWay: Waiting[] | undefined
  let scheduled = false
  let sentAt = Number.NEGATIVE_INFINITY
  let sentCount = 0
  let packed = 0
  let sequence = 0
  const calls = new Map<number, Call>()
  let state: LogState = { size: 0, oldestUnstamped: undefined }
  let worker: LogThread | undefined
  let closing = false

  const ask = (method: string, argument: unknown): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (worker === undefined) {
        reject(new Fault('logging_failed', { what: 'the message log has stopped' }))
        return
      }
      const call = ++sequence
      calls.set(call, { resolve, reject })
      worker.postMessage({ call, method, argument } satisfies ToWorker)
    })
  const parts: WorkerClient['parts'] = {}

  letThreadsHaveOwnNursery()
  const launch = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const fresh = q.startThread({
        workerData: { setup: q.setup(), memory },
        name: 'message-log',
        // Almost no object outlives a group: a small young generation costs no time and saves tens of
        // megabytes.
        resourceLimits: { maxYoungGenerationSizeMb: 6 },
      })
      let failure: unknown
      fresh.on('message', (message: FromWorker) => {
        if ('ready' in message) {
          if (closing) {
            // The log was closed while this worker started: it would lock the database that somebody else
            // needs.
            void fresh.terminate()
            return
          }
          worker = fresh
          state = message.ready
          for (const method of message.methods) parts[method] = (argument) => ask(method, argument)
          resolve()
          schedule()
        } else if ('group' in message) groupAnswered(message)
        else if ('call' in message) callAnswered(message)
        else {
          failure = receiveFault(message.failed)
          void fresh.terminate()
        }
      })
      fresh.on('error', (cause) => {
        failure = cause
      })
      // Not before: until the thread has ended, it has the lock of the log.
      fresh.on('exit', () => {
        reject(
          failure instanceof Fault
            ? failure
            : new Fault('logging_failed', { what: 'the message log did not start', cause: failure }),
        )
        if (worker === fresh) ended(failure)
      })
    })

  const ended = (cause: unknown): void => {
    const fault = new Fault('logging_failed', { what: 'the message log has stopped', cause })
    worker = undefined
    for (const waiting of [...(underWay ?? []), ...queue]) waiting.reject(fault)
    for (const call of calls.values()) call.reject(fault)
    underWay = undefined
    queue = []
    queuedBytes = 0
    calls.clear()
    if (closing) return
    q.onState({ fault })
    restart()
  }
  let launching: Promise<void> | undefined
  const restart = (): void => {
    if (closing) return
    const timer = setTimeout(() => {
      if (closing) return
      launching = launch().then(() => q.onState({ fault: undefined }), restart)
    }, RESTART_MS)
    timer.unref()
  }

  const schedule = (): void => {
    if (scheduled || underWay !== undefined || queue.length === 0 || worker === undefined) return
    scheduled = true
    const go = (): void => {
      scheduled = false
      if (underWay === undefined && queue.length > 0 && worker !== undefined) sendGroup(worker)
    }
    const early = Math.ceil(sentAt + BETWEEN_GROUPS_MS - performance.now())
    if (early > 0 && sentCount > FEW_RECORDS) setTimeout(go, early)
    // Records that other exchanges append in this turn of the event loop join the group.
    else setImmediate(go)
  }
  const sendGroup = (to: LogThread): void => {
    let size = 0
    let count = 0
    while (count < queue.length && count < MAX_GROUP) {
      const next = queue[count]!.size
      if (count > 0 && size + next > GROUP_MEMORY) break
      size += next
      count++
    }
    underWay = queue.slice(0, count)
    queue = queue.slice(count)
    queuedBytes -= size
    const target = size <= GROUP_MEMORY ? groupMemory : Buffer.allocUnsafeSlow(size)
    const written = packGroup(
      target,
      underWay.map(({ fields }) => fields),
    )
    sentAt = performance.now()
    sentCount = count
    packed = target === groupMemory ? written : 0
    const group = ++sequence
    if (target === groupMemory) to.postMessage({ group, count } satisfies ToWorker)
    else to.postMessage({ group, count, bytes: target } satisfies ToWorker, [target.buffer as ArrayBuffer])
  }

  const groupAnswered = (message: GroupAnswer): void => {
    const group = underWay ?? []
    underWay = undefined
    // Plaintext must not outlive the data that erasure deletes.
    clear(groupMemory, packed)
    state = message.state
    const failed = message.failed === undefined ? undefined : receiveFault(message.failed)
    const faults = new Map(message.faults)
    for (const [position, waiting] of group.entries()) {
      const fault = failed ?? (faults.has(position) ? receiveFault(faults.get(position)!) : undefined)
      if (fault !== undefined) waiting.reject(fault)
      else waiting.resolve(readResult(results, position))
    }
    q.onState({ fault: failed })
    schedule()
  }
  const callAnswered = (message: CallAnswer): void => {
    const call = calls.get(message.call)
    calls.delete(message.call)
    state = message.state
    if (message.failed !== undefined) call?.reject(receiveFault(message.failed))
    else call?.resolve(withBuffers(message.result))
  }

  await launch()
  return {
    state: () => state,
    append: (fields) =>
      new Promise((resolve, reject) => {
        const size = packedSize(fields)
        if (worker === undefined || queue.length >= MAX_QUEUED || queuedBytes + size > MAX_QUEUED_BYTES) {
          const what = worker === undefined ? 'the message log has stopped' : 'too many records wait'
          reject(new Fault('logging_failed', { what }))
          return
        }
        queue.push({ fields, size, resolve, reject })
        queuedBytes += size
        schedule()
      }),
    call: ask as WorkerClient['call'],
    parts,
    close: async () => {
      closing = true
      await worker?.terminate()
      // A restart that is under way is either cancelled, or its worker is terminated as soon as it has
      // started.
      await launching
    },
  }
}

/**
 * Octet by octet is how shared memory is filled, and a copy is not: of 1 MB a fiftieth of what a server does.
 */
function clear(memory: Buffer, octets: number): void {
  for (let at = 0; at < octets; at += ZEROS.length) ZEROS.copy(memory, at, 0, octets - at)
}

function readResult(results: Buffer, position: number): LoggedRecord {
  const at = position * RESULT_SIZE
  return { index: results.readDoubleLE(at), leaf: Buffer.from(results.subarray(at + 8, at + 40)) }
}
