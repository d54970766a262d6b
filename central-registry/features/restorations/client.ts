/**
 * Asks another node of the instance which configuration it serves, because servers may have read that one.
 */
import { Agent, request } from 'undici'
import { verifyStatement } from '#core/configuration/statement.ts'
import { collectBytes } from '#core/transport/collect-bytes.ts'

const TIMEOUT_MS = 3000
const MAX_BYTES = 1024 * 1024
const dispatcher = new Agent()

/**
 * The index of the statement that the node serves, signed with one of `certificates`; undefined when there is
 * none.
 */
export type AskNode = (url: string, certificates: Buffer[]) => Promise<number | undefined>

export const askNode: AskNode = async (url, certificates) => {
  try {
    const reply = await request(new URL('/internalconf-statement?version=6', url), {
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      dispatcher,
    })
    const { write, bytes } = collectBytes(MAX_BYTES, () => new Error('too long'))
    for await (const part of reply.body as AsyncIterable<Buffer>) write(part)
    return verifyStatement(bytes().toString('utf8'), certificates).index
  } catch {
    // The node may be stopped, as all are during a restoration, or use the same restored database.
    return undefined
  }
}
