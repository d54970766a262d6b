/**
 * The worker thread around worker-log.ts: receives messages and sends answers, decides nothing. The wiring
 * starts it with the log's parts.
 */
import type { MessagePort } from 'node:worker_threads'
import { type CrossedFault, crossFault } from '#platform/threads/crossed-fault.ts'
import { withBuffers } from '#platform/threads/with-buffers.ts'
import type { LogPart } from '../part.ts'
import type { AppendResult } from '../records/writer.ts'
import {
  type CallMessage,
  type FromWorker,
  type GroupMessage,
  RESULT_SIZE,
  type ThreadData,
  type ToWorker,
  type WorkerApi,
} from '../worker-api.ts'
import { openWorkerLog, type WorkerLog } from './worker-log.ts'

type Send = (message: FromWorker) => void

/** Call in the thread that `startWorker` started; `port` leads to it. */
export async function runLogThread(
  parts: readonly LogPart<object>[],
  port: MessagePort,
  { setup, memory }: ThreadData,
): Promise<void> {
  const send: Send = (message) => port.postMessage(message)
  let log: WorkerLog
  try {
    log = await openWorkerLog(setup, parts)
  } catch (thrown) {
    send({ failed: crossFault(thrown) })
    return
  }
  const shared = { group: Buffer.from(memory.group), results: Buffer.from(memory.results) }
  port.on('message', (message: ToWorker) => {
    void ('group' in message ? answerGroup(log, shared, message, send) : answerCall(log, message, send, port))
  })
  send({ ready: log.state(), methods: log.ofParts })
}

type Shared = { group: Buffer; results: Buffer }

async function answerGroup(log: WorkerLog, shared: Shared, message: GroupMessage, send: Send): Promise<void> {
  const { group, count, bytes } = message
  try {
    const source =
      bytes === undefined ? shared.group : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const faults = writeResults(await log.append(source, count), shared.results)
    send({ group, state: log.state(), faults })
  } catch (thrown) {
    send({ group, state: log.state(), faults: [], failed: crossFault(thrown) })
  }
}

function writeResults(appended: AppendResult[], results: Buffer): [number, CrossedFault][] {
  const faults: [number, CrossedFault][] = []
  for (const [position, result] of appended.entries()) {
    if ('fault' in result) {
      faults.push([position, crossFault(result.fault)])
      continue
    }
    results.writeDoubleLE(result.index, position * RESULT_SIZE)
    result.leaf.copy(results, position * RESULT_SIZE + 8)
  }
  return faults
}

async function answerCall(
  log: WorkerLog,
  message: CallMessage,
  send: Send,
  port: MessagePort,
): Promise<void> {
  const { call, method, argument } = message
  try {
    const result = await log.methods[method]!(withBuffers(argument))
    send({ call, state: log.state(), result })
    // Nothing follows a close, so the thread may end.
    if (method === ('close' satisfies keyof WorkerApi)) port.close()
  } catch (thrown) {
    send({ call, state: log.state(), failed: crossFault(thrown) })
  }
}
