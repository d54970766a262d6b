/** The worker thread's shell around worker-log.ts: messages in, answers out; it decides nothing. */
import { parentPort, workerData } from 'node:worker_threads'
import { type CrossedFault, crossFault } from '#platform/threads/crossed-fault.ts'
import { withBuffers } from '#platform/threads/with-buffers.ts'
import type { AppendResult } from './records/writer.ts'
import {
  type CallMessage,
  type FromWorker,
  type GroupMessage,
  RESULT_SIZE,
  type SharedMemory,
  type ToWorker,
  type WorkerApi,
  type WorkerSetup,
} from './worker-api.ts'
import { openWorkerLog, type WorkerLog } from './worker-log.ts'

const { setup, memory } = workerData as { setup: WorkerSetup; memory: SharedMemory }
const port = parentPort!
const groupMemory = Buffer.from(memory.group)
const results = Buffer.from(memory.results)

const send = (message: FromWorker): void => port.postMessage(message)

async function start(): Promise<void> {
  let log: WorkerLog
  try {
    log = await openWorkerLog(setup)
  } catch (thrown) {
    send({ failed: crossFault(thrown) })
    return
  }
  port.on('message', (message: ToWorker) => {
    void ('group' in message ? answerGroup(log, message) : answerCall(log, message))
  })
  send({ ready: log.state() })
}

async function answerGroup(log: WorkerLog, message: GroupMessage): Promise<void> {
  const { group, count, bytes } = message
  try {
    const source =
      bytes === undefined ? groupMemory : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const faults = writeResults(await log.append(source, count))
    send({ group, state: log.state(), faults })
  } catch (thrown) {
    send({ group, state: log.state(), faults: [], failed: crossFault(thrown) })
  }
}

function writeResults(appended: AppendResult[]): [number, CrossedFault][] {
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

async function answerCall(log: WorkerLog, message: CallMessage): Promise<void> {
  const { call, method, argument } = message
  try {
    const act = log.api[method] as (argument: unknown) => Promise<unknown>
    const result = await act(withBuffers(argument))
    send({ call, state: log.state(), result })
    // Nothing follows a close: the thread may end.
    if (method === ('close' satisfies keyof WorkerApi)) port.close()
  } catch (thrown) {
    send({ call, state: log.state(), failed: crossFault(thrown) })
  }
}

void start()
