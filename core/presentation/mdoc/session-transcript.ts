/**
 * What a device signs besides its document: the session (OpenID4VP 1.0, B.2.6.1), which no other request
 * shares.
 */
import { createHash } from 'node:crypto'
import { type CborValue, writeCbor } from '#core/cbor/write-cbor.ts'
import type { Asked } from '../asked.ts'
import { thumbprintOf } from '../thumbprint.ts'

/**
 * SessionTranscript for an invocation by redirect: no engagement, no reader key, the digest of the request's
 * own values.
 */
export function sessionTranscript(
  asked: Pick<Asked, 'clientId' | 'nonce' | 'encryption' | 'responseUri'>,
): Buffer {
  const thumbprint = asked.encryption === undefined ? null : thumbprintOf(asked.encryption)
  const info: CborValue = [asked.clientId, asked.nonce, thumbprint, asked.responseUri]
  const digest = createHash('sha256').update(writeCbor(info)).digest()
  return writeCbor([null, null, ['OpenID4VPHandover', digest]])
}
