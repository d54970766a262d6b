/**
 * What a refusing server signs: which request it refused and why, as bytes that both sides can write alike.
 * It travels beside X-Road's unsigned fault in the header x-concordat-refusal, so that a refusal proves
 * something.
 */
import { Fault, type WireFault } from '#schemas/fault.ts'

const VERSION = 'concordat-refusal-v1'

/** CRLF-ended lines: version, request id, request hash (base64), fault type, fault detail id. */
export function refusalStatement(q: { requestId: string; requestHash: string; fault: WireFault }): Buffer {
  const lines = [VERSION, q.requestId, q.requestHash, q.fault.type, q.fault.detail]
  return Buffer.from(`${lines.map((line) => line.replace(/[\r\n]/g, ' ')).join('\r\n')}\r\n`, 'utf8')
}

/** What a statement says; throws `invalid_message` for anything that `refusalStatement` does not write. */
export function readRefusalStatement(bytes: Buffer): {
  requestId: string
  requestHash: string
  type: string
} {
  const [version, requestId, requestHash, type, detail, end, ...more] = bytes.toString('utf8').split('\r\n')
  const isWhole = version === VERSION && detail !== undefined && end === '' && more.length === 0
  if (!isWhole || requestHash === undefined || !requestId || !type)
    throw new Fault('invalid_message', { what: 'it is no statement of a refusal' })
  return { requestId, requestHash, type }
}
