/** The worker's side of ask-thread.ts: answers one question with a value or a fault. */
import { parentPort, workerData } from 'node:worker_threads'
import type { Crossed } from './ask-thread.ts'
import { crossFault } from './crossed-fault.ts'

export function answerAsThread<Q>(answer: (question: Q) => Promise<unknown>): void {
  const send = (crossed: Crossed): void => parentPort!.postMessage(crossed)
  answer(workerData as Q).then(
    (value) => send({ value }),
    (thrown: unknown) => send({ fault: crossFault(thrown) }),
  )
}
