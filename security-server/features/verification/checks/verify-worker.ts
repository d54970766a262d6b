/**
 * The thread of a verification: it receives the place of the log and the question, and returns states and the
 * report. It decides nothing.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { parseCertificate } from '#core/certificate/certificate.ts'
import { type CrossedFault, crossFault } from '#platform/threads/crossed-fault.ts'
import type { VerifyState } from './state.ts'
import { type StoredLog, type StoredReport, verifyStored } from './verify-stored.ts'

export type ThreadQuestion = {
  log: StoredLog
  /** DER certificates. */
  tsaCertificates?: Buffer[] | undefined
  witnessPolicy?: string | undefined
  state?: VerifyState | undefined
}

export type FromVerifier = { state: VerifyState } | { report: StoredReport } | { failed: CrossedFault }

const { log, tsaCertificates, ...question } = workerData as ThreadQuestion
const send = (message: FromVerifier): void => parentPort!.postMessage(message)

try {
  const report = await verifyStored(log, {
    ...question,
    tsaCertificates: tsaCertificates?.map((der) => parseCertificate(Buffer.from(der))),
    onState: (state) => send({ state }),
  })
  send({ report })
} catch (thrown) {
  send({ failed: crossFault(thrown) })
}
